// The guides name what there is: layers, callbacks and other tables that they mention exist.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { loadAddon } from '../src/backend/load.js';
import * as ocellus from '../src/index.js';
import { builtinOps } from '../src/ops/index.js';
import { root } from './snippets.js';

const { augment, callbacks, constraints, initializers, layers, losses, metrics, optimizers, regularizers } = ocellus;
const tables = { augment, callbacks, constraints, initializers, layers, losses, metrics, optimizers, regularizers };
const guides = readdirSync(path.join(root, 'docs')).filter((file) => file.endsWith('.md'));

test.each(guides)('docs/%s names what exists', (guide) => {
  const text = readFileSync(path.join(root, 'docs', guide), 'utf8');
  const pattern = new RegExp(`(?<![\\w.])(${Object.keys(tables).join('|')})\\.([a-z]\\w*)`, 'g');
  const missing = [...text.matchAll(pattern)].filter(
    ([, table, name]) => !Object.hasOwn(tables[table as keyof typeof tables], name) && name !== 'ts',
  );
  expect(missing.map(([whole]) => whole)).toEqual([]);
});

const { addon } = loadAddon();
if (!addon) console.warn('docs/ops.md: not compared, the addon is not built');

test.skipIf(!addon)('docs/ops.md is printed from the tables as they are', async () => {
  const { opsPage, namesOf } = await import(path.join(root, 'scripts/ops-table.mjs'));
  const printed = opsPage(builtinOps.values(), namesOf(addon?.kernels('scalar')));
  const help = 'node scripts/ops-table.mjs writes it anew';
  expect(readFileSync(path.join(root, 'docs/ops.md'), 'utf8'), help).toBe(printed);
});

test('docs/reference is printed from the docstrings as they are', async () => {
  const { referencePages } = await import(path.join(root, 'scripts/reference.mjs'));
  const folder = path.join(root, 'docs/reference');
  const found = readdirSync(folder).map((name) => [name, readFileSync(path.join(folder, name), 'utf8')]);
  expect(Object.fromEntries(found), 'node scripts/reference.mjs writes it anew').toEqual(referencePages());
});
