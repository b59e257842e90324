// Courses of every optimizer with every option, and schedules at many steps, against Keras 3 and PyTorch in double
// precision (scripts/goldens/optimizers.py): through session, plan and both backends, along given gradients.

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { layers, readSafetensors, sequential } from '../../src/index.js';
import { resolveSchedule } from '../../src/nn/schedules.js';
import { backends } from '../train/harness.js';

interface Run {
  name: string;
  optimizer: Parameters<ReturnType<typeof sequential>['compile']>[0]['optimizer'];
}

interface Course {
  schedule: { name: string };
  at: number[];
  rates: number[];
}

const file = fileURLToPath(new URL('optimizers.safetensors', import.meta.url));
const { tensors, metadata } = await readSafetensors(file);
const numbers = (name: string) => tensors.get(name)?.data as Float32Array;
const [start, gradients, courses] = ['start', 'gradients', 'courses'].map(numbers);
const shapes = Object.entries(JSON.parse(metadata.shapes) as Record<string, number[]>);
const runs = JSON.parse(metadata.runs) as Run[];
const schedules = JSON.parse(metadata.schedules) as Course[];
const steps = Number(metadata.steps);

/** All weights, one after the other in `data` from element `at`, by path. */
function split(data: Float32Array, at: number): Record<string, { data: Float32Array }> {
  let begin = at;
  return Object.fromEntries(
    shapes.map(([path, shape]) => {
      const size = shape.reduce((product, length) => product * length, 1);
      begin += size;
      return [path, { data: data.subarray(begin - size, begin) }];
    }),
  );
}

const data = (parts: Record<string, { data: Float32Array }>) =>
  Object.fromEntries(Object.entries(parts).map(([path, part]) => [path, part.data]));

describe.each(backends)('%s', (backend) => {
  test.each(runs.map((run, index) => [run.name, run, index] as const))('%s', async (_name, run, index) => {
    const model = sequential([
      layers.conv2d({ name: 'conv', filters: 3, kernelSize: 2, inputShape: [4, 4, 2] }),
      layers.globalAveragePooling2d(),
      layers.dense({ name: 'fc', units: 5 }),
    ]).compile({ optimizer: run.optimizer, loss: 'meanSquaredError', backend });
    model.setWeights(data(split(start, 0)));
    const trainer = model.trainer();
    for (let step = 0; step < steps; step++) {
      await trainer.apply(split(gradients, step * start.length));
      const expected = split(courses, (index * steps + step) * start.length);
      const got = model.getWeights();
      for (const [path, { data: values }] of Object.entries(expected)) {
        const scale = Math.max(...values.map(Math.abs));
        values.forEach((value, i) => {
          expect(Math.abs(got[path][i] - value) / scale, `step ${step}, ${path}[${i}]`).toBeLessThan(1e-5);
        });
      }
    }
  });
});

test.each(schedules.map((course) => [JSON.stringify(course.schedule), course] as const))('%s', (_name, course) => {
  const schedule = resolveSchedule('test', course.schedule);
  const scale = Math.max(...course.rates);
  // Keras takes cosines in single precision.
  const tolerance = course.schedule.name.startsWith('cosine') ? 2e-7 : 1e-12;
  course.at.forEach((step, i) => {
    expect(Math.abs(schedule(step) - course.rates[i]) / scale, `step ${step}`).toBeLessThan(tolerance);
  });
});
