// The package's face: what it offers, and that importing it does nothing.

import { describe, expect, test } from 'vitest';
import * as ocellus from '../src/index.js';

describe('import', () => {
  test('loads no addon', () => {
    const report = process.report.getReport() as { sharedObjects?: string[] };
    expect(report.sharedObjects?.filter((file) => file.endsWith('ocellus.node'))).toEqual([]);
  });

  test('offers the verbs and tables', () => {
    for (const name of [
      'sequential',
      'model',
      'input',
      'load',
      'defineLayer',
      'backendInfo',
      'planToText',
      'loadMnist',
      'readIdx',
    ]) {
      expect(ocellus, name).toHaveProperty(name, expect.any(Function));
    }
    const { layers, losses, metrics, optimizers, initializers, callbacks, ops } = ocellus;
    for (const table of [layers, losses, metrics, optimizers, initializers, callbacks, ops]) {
      expect(Object.values(table).length).toBeGreaterThan(2);
    }
  });

  test('the only error class is exported and carries a code', () => {
    expect(() => ocellus.layers.dense({ units: 0 })).toThrow(ocellus.OcellusError);
    expect(() => ocellus.layers.dense({ units: 0 })).toThrow(expect.objectContaining({ code: 'ERR_OCELLUS_OPTION' }));
  });
});
