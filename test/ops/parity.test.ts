// Every op and case on every instruction set, with 1 and 2 threads, against the TypeScript row. Outputs are NaN before,
// guard zones lie between the buffers, and the number of threads must not change a bit.

import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.js';
import { loadAddon } from '../../src/backend/load.js';
import { selectBackend } from '../../src/backend/select.js';
import { typescriptBackend } from '../../src/backend/typescript.js';
import { builtinOps } from '../../src/ops/index.js';
import type { AnyOp } from '../../src/ops/op.js';
import { firstDifference, relativeDifference, runCase } from './one-step.js';

const { addon, tried } = loadAddon();
const isas = addon?.isas() ?? [];
if (!addon)
  console.warn(
    `native parity skipped: no addon (${tried.map(({ path, problem }) => `${path}: ${problem}`).join('; ')})`,
  );

/** Ops that have no C++ row yet, with the reason. A release has none. */
const pending: Record<string, string> = {};

const rows = [...builtinOps.values()].filter((op) => !op.alias);
const defaultTolerance = 1e-5;

function compareWithReference(op: AnyOp, backend: Backend, shift: number): void {
  for (const opCase of op.cases) {
    const where = `${op.name}, case '${opCase.name}', ${backend.isa}`;
    const reference = runCase(op, opCase, typescriptBackend, { shift });
    const result = runCase(op, opCase, backend, { shift });
    expect(result.damage, `${where}: wrote outside its outputs`).toBeNull();
    result.outputs.forEach((output, i) => {
      const allowed = output instanceof Float32Array ? (opCase.tolerance ?? defaultTolerance) : 0;
      expect(
        relativeDifference(output, reference.outputs[i]),
        `${where}, output '${op.outputs[i]}'`,
      ).toBeLessThanOrEqual(allowed);
    });
  }
}

describe('TypeScript rows', () => {
  it.each(rows.map((op) => [op.name, op] as const))('%s writes all of its outputs and nothing else', (name, op) => {
    expect(op.cases.length, `${name} has no cases`).toBeGreaterThan(0);
    for (const opCase of op.cases) {
      const { outputs, damage } = runCase(op, opCase, typescriptBackend);
      expect(damage, opCase.name).toBeNull();
      const again = runCase(op, opCase, typescriptBackend, { shift: 4 });
      expect(again.outputs, opCase.name).toEqual(outputs);
    }
  });

  it.each(rows.filter((op) => op.inplace).map((op) => [op.name, op] as const))(
    '%s gives the same in place',
    (_, op) => {
      checkInplace(op, typescriptBackend);
    },
  );
});

describe.skipIf(!addon).each(isas)('%s', (isa) => {
  const one = addon ? selectBackend({ backend: 'native', isa, threads: 1 }) : typescriptBackend;
  const two = addon ? selectBackend({ backend: 'native', isa, threads: 2 }) : typescriptBackend;
  const native = rows.filter((op) => !Object.hasOwn(pending, op.name));

  it('has a kernel for every op', () => {
    const kernels = new Set(addon?.kernels(isa).map((text) => text.slice(0, text.indexOf('('))));
    expect(native.filter((op) => !kernels.has(op.name)).map((op) => op.name)).toEqual([]);
  });

  it.each(native.map((op) => [op.name, op] as const))('%s agrees with TypeScript', (_, op) => {
    compareWithReference(op, one, 0);
    compareWithReference(op, one, 4);
  });

  it.each(native.map((op) => [op.name, op] as const))('%s does not depend on the number of threads', (_, op) => {
    for (const opCase of op.cases) {
      const a = runCase(op, opCase, one);
      const b = runCase(op, opCase, two);
      expect(b.damage, opCase.name).toBeNull();
      expect(firstDifference(a.outputs, b.outputs), opCase.name).toBeNull();
    }
  });

  it.each(native.filter((op) => op.inplace).map((op) => [op.name, op] as const))(
    '%s gives the same in place',
    (_, op) => {
      checkInplace(op, two);
    },
  );
});

function checkInplace(op: AnyOp, backend: Backend): void {
  for (const opCase of op.cases) {
    const apart = runCase(op, opCase, backend);
    for (const [input, output] of op.inplace ?? []) {
      const operand = opCase.inputs[input];
      const size = operand?.shape.reduce((a, b) => a * b, 1);
      if (size !== apart.outputs[output].length || (operand?.dtype ?? 'float32') !== 'float32') continue;
      const shared = runCase(op, opCase, backend, { inplace: [input, output] });
      const where = `${op.name}, ${opCase.name}, input ${input}`;
      expect(firstDifference(apart.outputs, shared.outputs), where).toBeNull();
    }
  }
}
