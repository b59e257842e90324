// The page docs/ops.md from the tables of ops: `node scripts/ops-table.mjs` writes it, a test compares it.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { at, say } from './shared.mjs';

const attrText = ([name, kind]) => {
  const type = kind.kind === 'enum' ? kind.names.join(' / ') : kind.kind === 'shape' ? 'shape' : kind.kind;
  const count = kind.count > 1 ? `[${kind.count}]` : '';
  const start = kind.fallback === undefined ? '' : ` = ${JSON.stringify(kind.fallback)}`;
  return `${name}: ${type}${count}${start}`;
};

const row = (op, native) => {
  const attrs = Object.entries(op.attrs).map(attrText).join('<br>');
  const cells = [
    `\`${op.name}(${op.inputs.join(', ')}) → (${op.outputs.join(', ')})\``,
    attrs,
    op.gradient ? 'yes' : '',
    native.has(op.name) ? 'yes' : '',
  ];
  return `| ${cells.join(' | ')} |`;
};

/**
 * @param ops the TypeScript rows, in their order
 * @param native names of the ops that have a C++ row
 */
export function opsPage(ops, native) {
  const list = [...ops];
  const count = (holds) => list.filter(holds).length;
  return `# Ops

The vocabulary that layers, losses and optimizers are made of; \`context.op(name, inputs, attrs)\` emits one. Written from
the tables by \`node scripts/ops-table.mjs\`. ${list.length} ops, ${count((op) => op.gradient)} with a gradient (others are gradients themselves, or have none), ${count(({ name }) => native.has(name))} with a C++ kernel.

| op | attributes | gradient | native |
|---|---|---|---|
${list.map((op) => row(op, native)).join('\n')}
`;
}

/** Names of the ops in the addon's table. */
export const namesOf = (signatures) => new Set(signatures.map((text) => text.slice(0, text.indexOf('('))));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { builtinOps } = await import('../dist/ops/index.js');
  const { loadAddon } = await import('../dist/backend/load.js');
  const { addon } = loadAddon();
  if (!addon) throw new Error('the addon is not built: npm run build:addon');
  writeFileSync(at('docs/ops.md'), opsPage(builtinOps.values(), namesOf(addon.kernels('scalar'))));
  say('wrote docs/ops.md');
}
