// `npm run bench -- <name> [--nets a,b] [--threads 1,2] [--isa avx2] [--batch n] [--sizes n,m] [--seconds s] [--json]`

import { parseArgs } from 'node:util';

const benches = ['gemm', 'train', 'fallback'];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nets: { type: 'string' },
    threads: { type: 'string' },
    sizes: { type: 'string' },
    isa: { type: 'string' },
    batch: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'boolean' },
  },
});

const [name] = positionals;
if (!benches.includes(name)) {
  console.error(`usage: npm run bench -- <${benches.join('|')}> [--nets lenet5,mnistcnn] [--threads 1,2] [--isa avx2] [--sizes 1024] [--json]`);
  process.exit(2);
}

const list = (text) => text?.split(',').filter(Boolean);
const numbers = (text) => list(text)?.map(Number);
const options = {
  nets: list(values.nets),
  threads: numbers(values.threads),
  sizes: numbers(values.sizes),
  isa: values.isa,
  batch: values.batch && Number(values.batch),
  seconds: values.seconds && Number(values.seconds),
};

function print(line) {
  if (values.json) return console.log(JSON.stringify(line));
  const { bench, ...rest } = line;
  console.log(`${bench.padEnd(9)} ${Object.entries(rest).map(([key, value]) => `${key} ${value}`).join('  ')}`);
}

const { run } = await import(`./${name}.mjs`);
await run(options, print);
