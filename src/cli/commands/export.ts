// `export`: a model in other formats, and the code that uses it.

import path from 'node:path';
import { type Command, Option } from 'commander';
import { OcellusError } from '../../core/errors.js';
import { writeNpz } from '../../data/npz.js';
import { writeFileAtomic } from '../../io/atomic.js';
import { load } from '../../model/load.js';
import type { Model } from '../../model/model.js';
import type { Register } from '../program.js';
import { version } from '../version.js';
import { type ComputeOptions, computeOptions, examples } from './shared.js';

const formats = ['safetensors', 'json', 'npz'] as const;

interface ExportOptions extends ComputeOptions {
  format: (typeof formats)[number];
  output?: string;
}

export function addExport(program: Command, register: Register): void {
  const command = program
    .command('export <model>')
    .description('writes a model without what only training needs, and prints the code that uses it')
    .addOption(
      new Option(
        '--format <name>',
        'safetensors: one file for Ocellus, PyTorch, Netron; json: architecture and list of weights, with the weights in ' +
          'a .bin beside it; npz: the weights for NumPy. There is no ONNX.',
      )
        .choices(formats)
        .default('safetensors'),
    )
    .option('--output <file>', 'where to; default: beside the model, <name>-export.<format>');
  examples(command, [
    ['ocellus export runs/train/model.safetensors', 'a smaller file that predicts'],
    ['ocellus export runs/train/model.safetensors --format json --output web/model.json', 'and web/model.bin'],
    ['ocellus export runs/train/model.safetensors --format npz', "np.load('model-export.npz')"],
  ]);
  computeOptions(command).action((file: string, options: ExportOptions) =>
    register(options.json ?? false, async (io) => {
      const { format } = options;
      const output = options.output ?? file.replace(/(\.safetensors)?$/, `-export.${format}`);
      if (path.resolve(output) === path.resolve(file)) {
        throw new OcellusError('ERR_OCELLUS_ARGUMENT', {
          where: '--output',
          expected: 'another file than the model itself',
          got: output,
        });
      }
      const model = await load(file, { compile: false });
      const files = await writers[format](model, output);
      const code = snippet(model, format === 'safetensors' ? output : file);
      io.say(`${files.join(' and ')} written.\n\nTo use the model:\n\n${code}`);
      io.emit('result', { format, files, code });
      return undefined;
    }),
  );
}

const writers: Readonly<Record<ExportOptions['format'], (model: Model, file: string) => Promise<string[]>>> = {
  async safetensors(model, file) {
    await model.save(file);
    return [file];
  },
  async npz(model, file) {
    await writeNpz(
      file,
      Object.fromEntries(model.weights.map(({ path: name, data, shape }) => [name, { data, shape }])),
    );
    return [file];
  },
  async json(model, file) {
    const binary = file.replace(/(\.json)?$/, '.bin');
    let byteOffset = 0;
    const weights = model.weights.map(({ path: name, shape, trainable, data }) => {
      const entry = { name, shape, dtype: 'float32', trainable, byteOffset, byteLength: data.byteLength };
      byteOffset += data.byteLength;
      return entry;
    });
    const bytes = new Uint8Array(byteOffset);
    model.weights.forEach(({ data }, i) => {
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), weights[i].byteOffset);
    });
    await writeFileAtomic(binary, bytes);
    const manifest = {
      format: 'ocellus',
      version: version(),
      name: model.name,
      architecture: model.network.config,
      preprocessing: model.preprocessing,
      // Little-endian, one behind the other.
      weightsFile: path.basename(binary),
      weights,
    };
    await writeFileAtomic(file, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
    return [file, binary];
  },
};

/** Class names that the code spells out. */
const spelled = 8;

/** Code that predicts with this model. */
export function snippet(model: Model, file: string): string {
  const name = JSON.stringify(file);
  const input = model.network.inputs[0]?.shape ?? [];
  const { classNames } = model.preprocessing ?? {};
  if (!model.preprocessing) {
    return [
      "import { load } from 'ocellus';",
      '',
      `const model = await load(${name});`,
      `// Samples of shape [${input.join(', ')}], the number of samples first.`,
      `const scores = await model.predict({ data: new Float32Array(${input.reduce((a, b) => a * b, 1)}), shape: [1, ${input.join(', ')}] });`,
      'console.log(scores.toArray());',
      '',
    ].join('\n');
  }
  const labels = classNames?.slice(0, spelled).join(', ');
  const more = classNames && classNames.length > spelled ? ', …' : '';
  return [
    "import { load } from 'ocellus'; // npm install ocellus sharp",
    '',
    `const model = await load(${name});`,
    `// Any picture; it is brought to ${input.slice(0, 2).join('x')} pixels${input[2] === 1 ? ', grey' : ''}.`,
    "const [best] = await model.predictImage('picture.jpg');",
    `console.log(best.label, best.probability);${labels ? ` // ${labels}${more}` : ''}`,
    '',
  ].join('\n');
}
