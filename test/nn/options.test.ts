// Every option of every layer with values that nothing can be made of: one clear error each, with code, layer, option,
// what is expected and what came. The table says what each option takes; an option without a row fails here.

import { describe, expect, it } from 'vitest';
import { layerFactories, layers } from '../../src/nn/layers/index.js';
import { errorOf } from './harness.js';

/** Options without which a layer cannot be. */
const needed: Readonly<Record<string, unknown>> = {
  axes: 1,
  activation: 'relu',
  begin: [0],
  defaultValue: 0,
  dims: [1],
  downscaleFactor: 2,
  factor: 0.1,
  filters: 4,
  height: 3,
  heightFactor: 0.1,
  inputDim: 3,
  kernelSize: 2,
  layer: layers.flatten(),
  n: 2,
  outputDim: 2,
  outputSize: 2,
  rate: 0.5,
  scale: 1,
  stddev: 1,
  targetShape: [2],
  threshold: 0,
  units: 3,
  upscaleFactor: 2,
  width: 3,
  widthFactor: 0.1,
};

const severalOf: Readonly<Record<string, string>> = {
  1: '',
  2: ' or two of them [vertical, horizontal]',
  3: ' or three of them [depth, height, width]',
};
const sidesOf: Readonly<Record<string, string>> = {
  1: '[before, after]',
  2: '[v, h], [[top, bottom], [left, right]] or [top, bottom, left, right]',
  3: '3 numbers or pairs',
};
const perAxis = (least: number) => (rank: string) => `an integer at least ${least}${severalOf[rank]}`;
const sides = (names: string) => (rank: string) => `${names}an integer of at least 0, ${sidesOf[rank]}`;

const flag = 'true or false';
const count = 'an integer at least 1';
const number = 'a number';
const atLeast0 = 'a number at least 0';
const above0 = 'a number above 0';

/** [options, what they take, the layers it holds for (default: all that have no row of their own)]. */
const table: readonly [string, string | ((rank: string) => string), RegExp?][] = [
  ['name', 'a name without spaces and slashes'],
  ['trainable useBias flipKernel center scale ceilMode countIncludePad keepDims', flag],
  ['alignCorners antialias invert normalize maskZero', flag],
  ['inputShape dims sharedAxes', 'a list of integers at least 1'],
  ['targetShape', 'a list of integers at least -1'],
  ['begin', 'a list of integers'],
  ['axis', 'an integer'],
  ['axes', 'an axis other than the batch, or two of them'],
  ['units filters inputDim outputDim depthMultiplier n blockSize upscaleFactor downscaleFactor height width', count],
  ['groups', count],
  ['groups', 'an integer at least -1', /^groupNormalization/],
  ['depthRadius', 'an integer at least 0'],
  ['kernelSize strides dilation poolSize size', perAxis(1)],
  ['outputPadding', perAxis(0)],
  ['padding', sides("padding: 'valid', 'same', "), /Transpose|axPool|veragePool|umPool|lpPool/],
  ['padding', (rank) => sides(`'valid', 'same', 'full', ${rank === '1' ? "'causal', " : ''}`)(rank), /[cC]onv\dd$/],
  ['padding', sides(''), /Padding/],
  ['padding', perAxis(0), /Unpooling/],
  ['cropping', sides('')],
  ['outputSize', (rank) => `an integer at least 1 or null${rank === '1' ? '' : `, or ${rank} of them`}`, /^adaptive/],
  ['outputSize', perAxis(1), /^fractional|Unpooling/],
  ['paddingMode', 'one of zeros, reflect, replicate, circular'],
  ['interpolation', 'one of nearest, linear, bilinear, trilinear, cubic, bicubic'],
  ['order', 'one of blockFirst, channelFirst'],
  ['mode', 'one of row, batch'],
  ['activation', 'one of linear, relu, relu6'],
  ['approximate', "true, false, 'none' or 'tanh'"],
  ['momentum', 'a number at least 0 and at most 1'],
  ['rate', 'a number at least 0 and below 1'],
  ['noiseShape', 'a list of sizes at least 1, or null'],
  ['epsilon', above0],
  ['p', "a number above 0 or 'infinity'"],
  ['stddev negativeSlope l1 l2 bias', atLeast0],
  ['threshold maxValue', atLeast0, /^relu/],
  ['threshold offset beta minValue defaultValue', number],
  ['maxValue', 'a number above -1', /^hardTanh/],
  ['alpha', number, /^elu/],
  ['alpha', above0, /^celu/],
  ['alpha', atLeast0, /^localResponse/],
  ['scale', number, /^rescaling/],
  ['mean', 'a number or a list of numbers'],
  ['variance', 'a number or a list of numbers at least 0'],
  ['mode', 'one of horizontal, vertical, horizontalAndVertical', /^randomFlip/],
  ['fillMode', 'one of reflect, wrap, nearest, constant'],
  ['fillValue', number],
  ['interpolation', 'one of nearest, bilinear', /^random/],
  ['factor heightFactor widthFactor', 'a number, or two of them, from -1 to 1'],
  ['heightFactor widthFactor', 'a number, or two of them, from -0.99 to 10', /^randomZoom/],
  ['factor', 'a number, or two of them, from 0 to 1', /^randomContrast/],
  ['valueRange', 'two numbers, the smaller one first'],
  ['layer', 'a layer, made by a factory of `layers`'],
];

function expectedOf(type: string, option: string): string | undefined {
  const what = /(Initializer|Regularizer|Constraint)$/.exec(option)?.[1].toLowerCase();
  if (what) return `${what === 'initializer' ? 'an' : 'a'} ${what}: a name, { name, … } or a function`;
  const rows = table.filter(([options]) => options.split(' ').includes(option));
  const row = rows.find(([, , types]) => types?.test(type)) ?? rows.find(([, , types]) => !types);
  return typeof row?.[1] === 'function' ? row[1](/(\d)d/.exec(type)?.[1] ?? '2') : row?.[1];
}

/** A layer of each type with as few options as it takes. */
const smallest = Object.entries(layerFactories).map(([type, factory]) => {
  const options: Record<string, unknown> = {};
  for (;;) {
    try {
      return [type, options, Object.keys({ ...factory(options).config, ...options })] as const;
    } catch (error) {
      const missing = /option '(\w+)'/.exec((error as Error).message)?.[1] ?? '';
      if (!(missing in needed) || missing in options) throw error;
      options[missing] = needed[missing];
    }
  }
});

const calls = smallest.flatMap(([type, options, own]) =>
  ['name', 'trainable', 'inputShape', ...own].map((option) => [type, option, options] as const),
);

it('is a table of well over 200 calls', () => {
  expect(calls.length).toBeGreaterThan(700);
});

describe.each(smallest)('%s', (type, options, own) => {
  it.each(['name', 'trainable', 'inputShape', ...own])('%s', (option) => {
    const where = option === 'name' ? type : `${type} 'it'`;
    const make = (value: unknown) => errorOf(() => layerFactories[type]({ ...options, name: 'it', [option]: value }));
    const error = make(Number.NaN);
    expect(error.code).toBe('ERR_OCELLUS_OPTION');
    const expected = expectedOf(type, option);
    expect(expected, 'a row of the table').toBeDefined();
    expect(error.message.startsWith(`${where}, option '${option}': expected ${expected}`), error.message).toBe(true);
    expect(error.message.endsWith(', got NaN')).toBe(true);
    for (const value of [{}, [[[]]]]) {
      const { code, message } = make(value);
      expect(code).toBe('ERR_OCELLUS_OPTION');
      expect(message).toMatch(/^\w+( 'it')?, option '\w+': expected .+, got /s);
    }
  });

  it('misspelt options', () => {
    for (const option of own) {
      const { code, message, help } = errorOf(() => layerFactories[type]({ ...options, [`${option}s`]: 1 }));
      expect(code).toBe('ERR_OCELLUS_OPTION');
      expect(message).toContain(`${type}: expected one of the options`);
      expect(help).toMatch(/^did you mean '\w+'\?$/);
    }
  });
});
