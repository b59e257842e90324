// Activity regularizers against Keras 3 in double precision (scripts/goldens/activity.py): the losses of three steps, the
// weights afterwards, an evaluation in batches of 4 and 3.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { input, type Layer, type LayerOptions, layers, model, readSafetensors } from '../../src/index.js';
import { backends } from './harness.js';

/** Where an array begins, and its shape. */
type Place = readonly number[];

interface Case {
  readonly layer: keyof typeof layers;
  readonly options: Readonly<Record<string, unknown>>;
  readonly regularizer: LayerOptions['activityRegularizer'];
  readonly x: Place;
  readonly y: Place;
  readonly first: Readonly<Record<string, Place>>;
}

const file = fileURLToPath(new URL('activity.safetensors', import.meta.url));
const { tensors, metadata } = await readSafetensors(file);
const inputs = tensors.get('inputs')?.data as Float32Array;
const results = tensors.get('results')?.data as Float32Array;
const cases = JSON.parse(metadata.cases) as Case[];
const steps = 3;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);
const read = ([offset, ...shape]: Place) => ({ data: inputs.subarray(offset, offset + sizeOf(shape)), shape });

const starts: number[] = [];
let length = 0;
for (const { first } of cases) {
  starts.push(length);
  length += steps + 1;
  for (const [, ...shape] of Object.values(first)) length += sizeOf(shape);
}

describe.each(backends)('%s', (backend) => {
  test.each(cases.map((golden, index) => [golden.layer, golden, index] as const))(
    '%s',
    async (_name, golden, index) => {
      const { regularizer, first } = golden;
      const alone = golden.layer === 'activityRegularization';
      const make = layers[golden.layer] as unknown as (options: object) => Layer;
      const options = alone ? golden.options : { ...golden.options, name: 'layer', activityRegularizer: regularizer };
      const layer = make(options);
      const entry = input({ shape: golden.x.slice(2) });
      const y = layer.apply(alone ? layers.dense({ units: 5, name: 'dense' }).apply(entry) : entry);
      const flat = layers.flatten().apply(y);
      const net = model({ inputs: entry, outputs: layers.dense({ units: 2, name: 'head' }).apply(flat) });
      net.compile({ optimizer: { name: 'sgd', learningRate: 0.1 }, loss: 'mse', backend });
      // Keras calls the weights of depthwise and separable layers otherwise in some versions.
      const paths = Object.keys(net.getWeights());
      const values = Object.values(first).map((place) => read(place).data);
      net.setWeights(Object.fromEntries(paths.map((path, i) => [path, values[i]])));
      let at = starts[index];
      const near = (got: number, what: string) => {
        const expected = results[at++];
        const error = Math.abs(got - expected) / Math.max(1, Math.abs(expected));
        expect(error, `${what}: ${got}, ${expected}`).toBeLessThan(1e-5);
      };
      const [x, target] = [read(golden.x), read(golden.y)];
      const trainer = net.trainer();
      for (let step = 0; step < steps; step++) near((await trainer.step(x, target)).loss, `loss ${step}`);
      for (const [path, data] of Object.entries(net.getWeights())) data.forEach((value) => void near(value, path));
      near((await net.evaluate(x, target, { batchSize: 4 })).loss, 'evaluation');
    },
  );
});
