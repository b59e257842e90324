// Steps that change colours and tones, with the factors of Keras's layers of the same names.

import { between, bothWays, type Factors, fromZero, readFactors, readPair, readRate } from './factors.js';
import {
  addTo,
  equalize,
  invert,
  posterize,
  scaleContrast,
  scaleSaturation,
  solarize,
  stretchContrast,
  towardsGrey,
  turnHue,
} from './pixels.js';
import { type DrawContext, defineStep, drawOf, type Effect, inTurn, type StepOptions } from './step.js';

const painted = (paint: Extract<Effect, { paint: unknown }>['paint']): Effect[] => [{ paint }];

export interface BrightnessOptions extends StepOptions {
  /** Share of the value range that is added: f for [-f, f], or both ends, from -1 to 1. */
  factor: Factors;
}

/**
 * Adds the same amount to every value. Any channels.
 *
 * @example
 * const step = augment.randomBrightness({ factor: 0.2 });
 */
export const randomBrightness = defineStep<BrightnessOptions>('randomBrightness', { factor: undefined }, (options) => {
  const factors = readFactors(options, 'factor', [-1, 1], bothWays);
  return ({ random, range }) => {
    const amount = between(random, factors) * (range[1] - range[0]);
    return painted((picture) => addTo(picture, [amount], range));
  };
});

export interface ContrastOptions extends StepOptions {
  /** Distances are multiplied by a number from 1 - f to 1 + f; of two factors [a, b], from 1 - a to 1 + b. At most 1. */
  factor: Factors;
}

/**
 * Scales the distances of values from their channel's mean in the picture. Any channels.
 *
 * @example
 * const step = augment.randomContrast({ factor: 0.3 });
 */
export const randomContrast = defineStep<ContrastOptions>('randomContrast', { factor: undefined }, (options) => {
  const [less, more] = readPair(options, 'factor', [0, 1]);
  return ({ random, range }) => {
    const factor = between(random, [1 - less, 1 + more]);
    return painted((picture) => scaleContrast(picture, factor, range));
  };
});

export interface SaturationOptions extends StepOptions {
  /** f for [0, f], or both ends, from 0 to 1: 0 is grey, 0.5 changes nothing, 1 is as colourful as can be. */
  factor: Factors;
}

/**
 * Makes colours weaker or stronger: the saturation (of hue, saturation, value) times factor / (1 - factor). Three or four
 * channels; pictures of others stay as they are.
 *
 * @example
 * const step = augment.randomSaturation({ factor: [0.4, 0.6] });
 */
export const randomSaturation = defineStep<SaturationOptions>('randomSaturation', { factor: undefined }, (options) => {
  const factors = readFactors(options, 'factor', [0, 1], fromZero);
  return ({ random, range }) => {
    const factor = between(random, factors);
    return painted((picture) => scaleSaturation(picture, factor / (1 - factor), range));
  };
});

export interface HueOptions extends StepOptions {
  /** f for [0, f], or both ends, from 0 to 1: hues turn by up to half the circle, in either direction. */
  factor: Factors;
}

/**
 * Turns all hues by the same angle. Three or four channels; pictures of others stay as they are.
 *
 * @example
 * const step = augment.randomHue({ factor: 0.1 });
 */
export const randomHue = defineStep<HueOptions>('randomHue', { factor: undefined }, (options) => {
  const factors = readFactors(options, 'factor', [0, 1], fromZero);
  return ({ random }) => {
    const sign = random.uniform() < 0.5 ? -1 : 1;
    const share = sign * 0.5 * between(random, factors);
    return painted((picture) => turnHue(picture, share));
  };
});

export interface ColorJitterOptions extends StepOptions {
  /** As of randomBrightness. Default: the brightness stays. */
  brightnessFactor?: Factors | null;
  /** As of randomContrast. */
  contrastFactor?: Factors | null;
  /** As of randomSaturation. */
  saturationFactor?: Factors | null;
  /** As of randomHue. */
  hueFactor?: Factors | null;
}

/**
 * Brightness, contrast, saturation and hue, those that are given, in this order. Any channels.
 *
 * @example
 * const step = augment.randomColorJitter({ brightnessFactor: 0.2, contrastFactor: 0.2, hueFactor: 0.05 });
 */
export const randomColorJitter = defineStep<ColorJitterOptions>(
  'randomColorJitter',
  { brightnessFactor: null, contrastFactor: null, saturationFactor: null, hueFactor: null },
  (options) => {
    const table = {
      brightnessFactor: randomBrightness,
      contrastFactor: randomContrast,
      saturationFactor: randomSaturation,
      hueFactor: randomHue,
    };
    const steps = Object.entries(table)
      .filter(([name]) => options.has(name))
      .map(([name, make]) => make({ factor: options.raw(name) as Factors }));
    return inTurn(steps.map((step) => drawOf(step.type, step)));
  },
);

export interface ChannelShiftOptions extends StepOptions {
  /** Share of the value range that is added to a channel: f for [-f, f], or both ends, from -1 to 1. */
  factor: Factors;
}

/**
 * Adds to each channel an amount of its own. Any channels.
 *
 * @example
 * const step = augment.randomChannelShift({ factor: 0.1 });
 */
export const randomChannelShift = defineStep<ChannelShiftOptions>(
  'randomChannelShift',
  { factor: undefined },
  (options) => {
    const factors = readFactors(options, 'factor', [-1, 1], bothWays);
    return ({ random, range, channels }) => {
      const amounts = Array.from({ length: channels }, () => between(random, factors) * (range[1] - range[0]));
      return painted((picture) => addTo(picture, amounts, range));
    };
  },
);

export interface RateOptions extends StepOptions {
  /** Share of the pictures that change. */
  factor?: number;
}

/** A step that changes a share of the pictures, always in the same way. */
const sometimes = (type: string, rate: number, effects: (context: DrawContext) => Effect[]) =>
  defineStep<RateOptions>(type, { factor: rate }, (options) => {
    const share = readRate(options, 'factor');
    return (context) => (context.random.uniform() < share ? effects(context) : []);
  });

/**
 * Makes a share `factor` (default 0.5) of the pictures grey, all three channels alike. Three or four channels; pictures of
 * others stay as they are.
 *
 * @example
 * const step = augment.randomGrayscale({ factor: 0.1 });
 */
export const randomGrayscale = sometimes('randomGrayscale', 0.5, ({ range }) =>
  painted((picture) => towardsGrey(picture, 1, range)),
);

/**
 * Turns a share `factor` (default 1) of the pictures into negatives. Any channels.
 *
 * @example
 * const step = augment.randomInvert({ factor: 0.2 });
 */
export const randomInvert = sometimes('randomInvert', 1, ({ range }) => painted((picture) => invert(picture, range)));

/**
 * Makes all values of each channel about equally frequent, in a share `factor` (default 1) of the pictures. Any channels.
 *
 * @example
 * const step = augment.equalization();
 */
export const equalization = sometimes('equalization', 1, ({ range }) => painted((picture) => equalize(picture, range)));

/**
 * Stretches each channel over the whole range of values, in a share `factor` (default 1) of the pictures. Any channels.
 *
 * @example
 * const step = augment.autoContrast();
 */
export const autoContrast = sometimes('autoContrast', 1, ({ range }) =>
  painted((picture) => stretchContrast(picture, range)),
);

export interface ColorDegenerationOptions extends StepOptions {
  /** Share of the way to grey: f for [0, f], or both ends, from 0 to 1. */
  factor: Factors;
}

/**
 * Mixes pictures with their grey ones. Three or four channels; pictures of others stay as they are.
 *
 * @example
 * const step = augment.randomColorDegeneration({ factor: 0.5 });
 */
export const randomColorDegeneration = defineStep<ColorDegenerationOptions>(
  'randomColorDegeneration',
  { factor: undefined },
  (options) => {
    const factors = readFactors(options, 'factor', [0, 1], fromZero);
    return ({ random, range }) => {
      const share = between(random, factors);
      return painted((picture) => towardsGrey(picture, share, range));
    };
  },
);

export interface PosterizationOptions extends StepOptions {
  /** Bits that stay, from 1 to 8: a number, or the fewest and the most. */
  factor: Factors;
}

/**
 * Keeps the highest bits of each value only. Any channels.
 *
 * @example
 * const step = augment.randomPosterization({ factor: [4, 8] });
 */
export const randomPosterization = defineStep<PosterizationOptions>(
  'randomPosterization',
  { factor: undefined },
  (options) => {
    const [fewest, most] = readFactors(options, 'factor', [1, 8], (bits) => [bits, bits]).map(Math.round);
    return ({ random, range }) => {
      const bits = fewest + random.integer(most - fewest + 1);
      return painted((picture) => posterize(picture, bits, range));
    };
  },
);

export interface SolarizationOptions extends StepOptions {
  /** Share of the value range that is added first: f for [0, f], or both ends, from 0 to 1. Default 0. */
  additionFactor?: Factors;
  /** Values from this share of the range on are inverted: f for [0, f], or both ends. Default 0: all of them. */
  thresholdFactor?: Factors;
}

/**
 * Inverts the bright values, as overexposed film does. Any channels.
 *
 * @example
 * const step = augment.solarization({ thresholdFactor: [0.5, 1] });
 */
export const solarization = defineStep<SolarizationOptions>(
  'solarization',
  { additionFactor: 0, thresholdFactor: 0 },
  (options) => {
    const additions = readFactors(options, 'additionFactor', [0, 1], fromZero);
    const thresholds = readFactors(options, 'thresholdFactor', [0, 1], fromZero);
    return ({ random, range }) => {
      const addition = between(random, additions) * (range[1] - range[0]);
      const threshold = range[0] + between(random, thresholds) * (range[1] - range[0]);
      return painted((picture) => solarize(picture, addition, threshold, range));
    };
  },
);
