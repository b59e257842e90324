// Every @example in the sources and every js or ts block of README.md: it must type-check against the library, run, and
// give the values that its comments promise. A block of README.md marked `no-run` is only type-checked; one without
// imports goes on where the block before it ended.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import ts from 'typescript';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadAddon } from '../src/backend/load.js';
import { parquet } from './data/parquet-file.js';
import {
  type CheckedSnippet,
  checkSnippets,
  loadModules,
  type Modules,
  root,
  runSnippet,
  type Snippet,
} from './snippets.js';

// ---- what examples take for granted, by the file they stand in -----------------------------------------------------

const images = `const images = { data: new Float32Array(24 * 784).fill(0.5), shape: [24, 28, 28, 1] };
const labels = Int32Array.from({ length: 24 }, (_, i) => i % 10);`;
const net = `sequential([
  layers.conv2d({ filters: 2, kernelSize: 5, strides: 3, activation: 'relu', inputShape: [28, 28, 1] }),
  layers.flatten(),
  layers.dense({ units: 10, activation: 'softmax' }),
])`;
const model = `const model = ${net};
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });`;
const columns = `const x: TensorView = { data: new Float32Array(80), shape: [40, 2], dtype: 'float32' };
const y: TensorView = { data: new Int32Array(40), shape: [40], dtype: 'int32' };
const [xBatch, yBatch] = [new Float32Array(64), new Int32Array(32)];
const readImages = async (batch: number) => ({ data: new Float32Array(32 * 64).fill(batch), shape: [32, 8, 8, 1] });`;

const photo = `const classifier = createModel('tiny', { inputShape: [32, 32, 3], classes: 5 });
const photo = { data: Uint8Array.from({ length: 32 * 32 * 3 }, (_, i) => i % 251), shape: [32, 32, 3] };`;

/** A folder of class folders with a few pictures. */
async function makePhotos(folder: string): Promise<void> {
  for (const [index, name] of ['cat', 'dog'].entries()) {
    mkdirSync(path.join(folder, name), { recursive: true });
    for (let i = 0; i < 10; i++) {
      const create = { width: 40, height: 30, channels: 3, background: { r: 200 * index, g: 20 * i, b: 90 } } as const;
      await sharp({ create }).toFile(path.join(folder, name, `${i}.jpg`));
    }
  }
}

/** What examples inside the library may use besides its public face and the file they stand in. */
const inside = ['ops/index', 'ops/op'];

const preludes: Record<string, string> = {
  'data/dataset': columns,
  'model/load': `${images}\nawait ${net}.save('digits.safetensors');`,
  'model/built': `${model}\n${images}`,
  'model/model': `${model}\n${images}\nconst [testImages, testLabels] = [images, labels];
const classifier = createModel('tiny', { inputShape: [32, 32, 3], classes: 2 }).setPreprocessing({});`,
  'model/tensor': `${model}\n${images}`,
  'model/trainer': `${model}\n${images}\nconst batches = [{ x: images, y: labels }];`,
  ...Object.fromEntries(
    [
      'deletion',
      'feature-maps',
      'filter-report',
      'filters',
      'grad-cam',
      'saliency',
      'occlusion',
      'deconvnet',
      'maximal-patches',
    ].map((file) => [`explain/${file}`, photo]),
  ),
  'nn/config': `const original = ${net}.network;`,
  'nn/layers/merge': `const [x, shortcut] = [input({ shape: [8, 8, 3] }), input({ shape: [8, 8, 3] })];
const y = input({ shape: [8, 8, 5] });`,
  'nn/expression': model,
  'nn/losses': model,
  'nn/metrics': model,
  'nn/optimizers': model,
  'train/callbacks/stopping': `${model}\n${images}`,
  'train/callbacks/logging': `${model}\n${images}\nconst [x, y] = [images, labels];`,
  'train/events': `${model}\n${images}\nconst [x, y] = [images, labels];`,
};

// ---- finding them --------------------------------------------------------------------------------------------------

function sourceExamples(): Snippet[] {
  const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  return files
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .flatMap(examplesOf);
}

function examplesOf(file: string): Snippet[] {
  const module = file.split(path.sep).join('/').replace(/\.ts$/, '');
  const source = ts.createSourceFile(
    file,
    readFileSync(path.join(root, 'src', file), 'utf8'),
    ts.ScriptTarget.ES2022,
    true,
  );
  const found = new Map<number, Snippet>();
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node)) {
      if (tag.tagName.text !== 'example' || found.has(tag.pos)) continue;
      const { line } = source.getLineAndCharacterOfPosition(tag.pos);
      const code = ts.getTextOfJSDocComment(tag.comment) ?? '';
      found.set(tag.pos, {
        title: `src/${module}.ts, line ${line + 1}`,
        code,
        prelude: preludes[module],
        modules: [...new Set(['index', module, ...inside])],
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found.values()];
}

function readmeExamples(): (Snippet & { run: boolean })[] {
  const file = path.join(root, 'README.md');
  if (!existsSync(file)) return [];
  const found: (Snippet & { run: boolean })[] = [];
  for (const [, marks, code] of readFileSync(file, 'utf8').matchAll(
    /^```(?:js|ts|javascript|typescript)\b(.*)\n([\s\S]*?)^```/gm,
  )) {
    const before = found.at(-1);
    const run = !marks.includes('no-run');
    if (before && !/^import\b/m.test(code))
      found[found.length - 1] = { ...before, code: `${before.code}\n${code}`, run: before.run && run };
    else found.push({ title: `README.md, block ${found.length + 1}`, code, run });
  }
  return found;
}

// ---- running them --------------------------------------------------------------------------------------------------

const examples = sourceExamples();
const readme = readmeExamples();
const shared = path.join(root, '../shared/data');
const mnist = path.join(shared, 'mnist');
const otherSets = ['digits', 'cifar10'];
const { addon } = loadAddon();

/** Why an example cannot run here; it is type-checked all the same. */
function obstacle(code: string): string | null {
  if (/'mnist\/|\/mnist'/.test(code) && !existsSync(mnist)) return 'no ../shared/data/mnist';
  const absent = otherSets.find((name) => code.includes(`'${name}`) && !existsSync(path.join(shared, name)));
  if (absent) return `no ../shared/data/${absent}`;
  if (/backend: 'native'/.test(code) && !addon) return 'no addon';
  return null;
}

let checked: CheckedSnippet[];
let modules: Modules;
let folder: string;
const home = process.cwd();

beforeAll(async () => {
  checked = checkSnippets([...examples, ...readme]);
  modules = await loadModules(examples);
  folder = mkdtempSync(path.join(os.tmpdir(), 'ocellus-examples-'));
  mkdirSync(path.join(folder, 'data'));
  for (const link of ['mnist', 'data/mnist']) if (existsSync(mnist)) symlinkSync(mnist, path.join(folder, link));
  for (const name of otherSets) {
    if (existsSync(path.join(shared, name))) symlinkSync(path.join(shared, name), path.join(folder, name));
  }
  process.chdir(folder);
  await makePhotos('photos');
  const rows = [0, 1].map((label) => ({ bytes: readFileSync(`photos/${['cat', 'dog'][label]}/1.jpg`), label }));
  writeFileSync('pets.parquet', parquet([rows], { names: ['cat', 'dog'] }));
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

async function checkAndRun(index: number, run: boolean): Promise<void> {
  const { title, text, problems } = checked[index];
  expect(problems, `${title} does not type-check:\n${text}`).toEqual([]);
  const reason = obstacle(text);
  if (reason) console.warn(`${title}: not run, ${reason}`);
  if (reason || !run) return;
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await runSnippet(checked[index], modules, (got, promised, code) => {
    expect(JSON.parse(JSON.stringify(got)), `${title}: ${code}`).toEqual(promised);
  });
}

describe('examples in doc comments', () => {
  test.each(examples.map(({ title }, index) => [title, index] as const))('%s', (_, index) => checkAndRun(index, true));
});

if (readme.length === 0) console.warn('no code blocks in README.md to run');
describe.skipIf(readme.length === 0)('code blocks in README.md', () => {
  test.each(readme.map(({ title, run }, index) => [title, index, run] as const))('%s', (_, index, run) =>
    checkAndRun(examples.length + index, run),
  );
});
