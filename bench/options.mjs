// The command line: `npm run bench -- <bench> [options]`.

import { parseArgs } from 'node:util';
import { checkName, checkOptions, OcellusError } from '../dist/core/errors.js';
import { classics, nets } from './nets/index.mjs';
import { peerNames } from './peers/index.mjs';

/** What there is to measure, each a module of this folder, with the options it knows. */
export const benches = {
  gemm: 'sizes threads isa seconds',
  conv: 'layers passes algorithms threads isa batch seconds',
  train: 'nets threads isa batch seconds rounds winograd',
  infer: 'nets threads isa batch seconds rounds winograd',
  fallback: 'nets threads isa batch seconds rounds',
  memory: 'nets threads isa batch python',
  parameters: 'nets',
  compare: 'nets mode peers python threads isa batch seconds rounds winograd',
  convergence: 'data epochs rounds threads',
  pipeline: 'data epochs rounds threads batch isa',
};

const help = {
  nets: 'names, of all or some of the networks',
  layers: 'parts of the names of layers: vgg,1x1',
  passes: 'forward,backwardData,backwardWeights',
  algorithms: 'direct,winograd,winograd6',
  sizes: 'of square matrices',
  threads: 'one or several numbers',
  isa: 'avx512, avx2, neon or scalar',
  batch: 'one or several numbers; default: that of the network',
  seconds: 'of each turn of each contender',
  rounds: 'turns of each contender',
  winograd: 'auto, off or fast',
  mode: 'train,infer',
  peers: peerNames.join(','),
  data: 'a CIFAR-10 batch, gzipped; of pipeline: a folder of class folders',
  epochs: 'of each training',
  python: 'interpreter that has torch; also OCELLUS_PYTHON',
};

const common = { json: { type: 'boolean' }, against: { type: 'string' }, help: { type: 'boolean' } };

export const usage = () =>
  [
    'usage: npm run bench -- <bench> [options] [--json] [--against old.json]',
    ...Object.entries(benches).map(
      ([name, options]) =>
        `  ${name.padEnd(11)} ${options
          .split(' ')
          .map((o) => `--${o}`)
          .join(' ')}`,
    ),
    ...Object.entries(help).map(([name, text]) => `  --${name.padEnd(11)} ${text}`),
  ].join('\n');

const list = (text) => text.split(',').filter(Boolean);

function numbers(name, text, rule, accepts) {
  return list(text).map((item) => {
    const value = Number(item);
    if (accepts(value)) return value;
    throw new OcellusError('ERR_OCELLUS_OPTION', { where: `bench, option '${name}'`, expected: rule, got: item });
  });
}

const counts = (name, text) => numbers(name, text, 'whole numbers from 1', (n) => Number.isInteger(n) && n >= 1);
const names = (table) => (name, text) => {
  for (const item of list(text)) checkName(`bench, option '${name}'`, item, table);
  return list(text);
};
const asTable = (items) => Object.fromEntries(items.map((item) => [item, true]));

const readers = {
  nets: (name, text, bench) => names(bench === 'parameters' ? { ...nets, ...classics } : nets)(name, text),
  layers: (_, text) => list(text),
  passes: names(asTable(list(help.passes))),
  algorithms: names(asTable(list(help.algorithms))),
  sizes: counts,
  threads: counts,
  batch: counts,
  rounds: (name, text) => counts(name, text)[0],
  epochs: (name, text) => counts(name, text)[0],
  data: (_, text) => text,
  seconds: (name, text) => numbers(name, text, 'a positive number', (n) => n > 0 && n < 3600)[0],
  isa: (_, text) => text,
  winograd: (name, text) => names({ auto: 1, off: 1, fast: 1 })(name, text)[0],
  mode: names({ train: 1, infer: 1 }),
  peers: names(asTable(peerNames)),
  python: (_, text) => text,
};

/**
 * @returns { bench, json, against, … }: options that were not given are undefined
 * @throws ERR_OCELLUS_OPTION for names and values that are not known
 */
export function parseOptions(args) {
  const known = Object.fromEntries(Object.keys(readers).map((name) => [name, { type: 'string' }]));
  const { values, positionals } = parseArgs({
    args,
    options: { ...known, ...common },
    allowPositionals: true,
    strict: false,
  });
  if (values.help) return { help: true };
  const [bench] = positionals;
  const allowed = checkName('bench', bench ?? 'nothing', benches).split(' ');
  checkOptions(`bench ${bench}`, values, [...allowed, ...Object.keys(common)]);
  const options = { bench, json: values.json === true, against: values.against };
  for (const name of allowed) {
    if (values[name] === undefined) continue;
    if (typeof values[name] === 'string' && values[name] !== '')
      options[name] = readers[name](name, values[name], bench);
    else
      throw new OcellusError('ERR_OCELLUS_OPTION', {
        where: `bench, option '${name}'`,
        expected: help[name],
        got: 'nothing',
      });
  }
  return options;
}
