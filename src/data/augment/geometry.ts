// Steps that move pixels, as Keras names them and measures their factors. All draw a matrix; neighbours in a pipeline
// become one, so that pixels are interpolated once.

import type { OptionReader } from '../../core/options.js';
import { type Border, type FillMode, fillModes, type Interpolation, interpolations } from '../../core/sampler.js';
import { between, bothWays, type Factors, readFactors, readRate } from './factors.js';
import { type DrawContext, defineStep, type Effect, type StepOptions } from './step.js';
import { aroundMiddle, type Matrix, projection, shift } from './warp.js';

export interface FillOptions extends StepOptions {
  /** What lies outside the picture. Default 'reflect'. */
  fillMode?: FillMode;
  /** Of fillMode 'constant'. Default 0. */
  fillValue?: number;
  /** Default 'bilinear'. */
  interpolation?: Interpolation;
}

export interface Filling {
  readonly border: Border;
  readonly interpolation: Interpolation;
}

export const fillDefaults = { fillMode: 'reflect', fillValue: 0, interpolation: 'bilinear' } as const;

export const readFilling = (options: OptionReader): Filling => ({
  border: { mode: options.oneOf('fillMode', fillModes), value: options.number('fillValue') },
  interpolation: options.oneOf('interpolation', interpolations),
});

const warpTo = (size: { height: number; width: number }, matrix: Matrix, filling: Partial<Filling>): Effect[] => [
  { warp: { matrix, height: size.height, width: size.width, border: null, interpolation: 'bilinear', ...filling } },
];

// ---- effects of given factors --------------------------------------------------------------------------------------

type Size = Pick<DrawContext, 'height' | 'width'>;

export const flipColumns = (size: Size): Effect[] => warpTo(size, [-1, 0, size.width - 1, 0, 1, 0, 0, 0, 1], {});
export const flipRows = (size: Size): Effect[] => warpTo(size, [1, 0, 0, 0, -1, size.height - 1, 0, 0, 1], {});

/** By an angle in radians, counterclockwise. */
export function rotate(size: Size, angle: number, filling: Filling): Effect[] {
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return warpTo(size, aroundMiddle(size.height, size.width, [cos, -sin, sin, cos]), filling);
}

/** Down and to the right, in pixels. */
export const translate = (size: Size, down: number, right: number, filling: Filling): Effect[] =>
  warpTo(size, shift(-right, -down), filling);

/** Picture sizes that the result shows: 0.5 is the middle half, enlarged. */
export const zoom = (size: Size, height: number, width: number, filling: Filling): Effect[] =>
  warpTo(size, aroundMiddle(size.height, size.width, [width, 0, 0, height]), filling);

/** Rows move by x pixels per row, columns by y pixels per column, the middle stays. */
export const shear = (size: Size, x: number, y: number, filling: Filling): Effect[] =>
  warpTo(size, aroundMiddle(size.height, size.width, [1, x, y, 1]), filling);

/** The box from (x, y) of the source, brought to `size`. */
export function crop(size: Size, x: number, y: number, height: number, width: number): Effect[] {
  const [columns, rows] = [width / size.width, height / size.height];
  return warpTo(size, [columns, 0, x + (columns - 1) / 2, 0, rows, y + (rows - 1) / 2, 0, 0, 1], {});
}

// ---- steps ---------------------------------------------------------------------------------------------------------

export interface RandomFlipOptions extends StepOptions {
  /** Default 'horizontalAndVertical': both, each for half of the pictures. */
  mode?: 'horizontal' | 'vertical' | 'horizontalAndVertical';
}

/**
 * Mirrors half of the pictures left to right, or top to bottom, or both independently. Any size.
 *
 * @example
 * const step = augment.randomFlip({ mode: 'horizontal' });
 */
export const randomFlip = defineStep<RandomFlipOptions>('randomFlip', { mode: 'horizontalAndVertical' }, (options) => {
  const mode = options.oneOf('mode', ['horizontal', 'vertical', 'horizontalAndVertical']);
  return (context) => [
    ...(mode !== 'vertical' && context.random.uniform() < 0.5 ? flipColumns(context) : []),
    ...(mode !== 'horizontal' && context.random.uniform() < 0.5 ? flipRows(context) : []),
  ];
});

export interface RandomRotationOptions extends FillOptions {
  /** Share of a full turn, counterclockwise: f for [-f, f], or both ends; 0.1 turns by up to 36 degrees. */
  factor: Factors;
}

/**
 * Turns pictures around their middle. Any size.
 *
 * @example
 * const step = augment.randomRotation({ factor: 0.1, fillMode: 'constant' });
 */
export const randomRotation = defineStep<RandomRotationOptions>(
  'randomRotation',
  { factor: undefined, ...fillDefaults },
  (options) => {
    const factors = readFactors(options, 'factor', [-1, 1], bothWays);
    const filling = readFilling(options);
    return (context) => rotate(context, 2 * Math.PI * between(context.random, factors), filling);
  },
);

export interface RandomTranslationOptions extends FillOptions {
  /** Share of the height, downwards: f for [-f, f], or both ends, from -1 to 1. */
  heightFactor: Factors;
  /** Share of the width, to the right. */
  widthFactor: Factors;
}

/**
 * Shifts pictures. Any size.
 *
 * @example
 * const step = augment.randomTranslation({ heightFactor: 0.1, widthFactor: [0, 0.2] });
 */
export const randomTranslation = defineStep<RandomTranslationOptions>(
  'randomTranslation',
  { heightFactor: undefined, widthFactor: undefined, ...fillDefaults },
  (options) => {
    const down = readFactors(options, 'heightFactor', [-1, 1], bothWays);
    const right = readFactors(options, 'widthFactor', [-1, 1], bothWays);
    const filling = readFilling(options);
    return (context) => {
      const { random, height, width } = context;
      return translate(context, between(random, down) * height, between(random, right) * width, filling);
    };
  },
);

export interface RandomZoomOptions extends FillOptions {
  /** By how much more of the height is seen: f for [-f, f], or both ends; above 0 zooms out, below 0 in; above -1. */
  heightFactor: Factors;
  /** The same for the width. Default: drawn together with the height, so that shapes keep their proportions. */
  widthFactor?: Factors | null;
}

/**
 * Zooms pictures in and out around their middle. Any size.
 *
 * @example
 * const step = augment.randomZoom({ heightFactor: [-0.2, 0.1] });
 */
export const randomZoom = defineStep<RandomZoomOptions>(
  'randomZoom',
  { heightFactor: undefined, widthFactor: null, ...fillDefaults },
  (options) => {
    const bounds = [-0.99, 10] as const;
    const heights = readFactors(options, 'heightFactor', bounds, bothWays);
    const widths = options.has('widthFactor') ? readFactors(options, 'widthFactor', bounds, bothWays) : null;
    const filling = readFilling(options);
    return (context) => {
      const height = 1 + between(context.random, heights);
      return zoom(context, height, widths ? 1 + between(context.random, widths) : height, filling);
    };
  },
);

export interface RandomShearOptions extends FillOptions {
  /** Pixels to the side per row: f for [-f, f], or both ends, from -1 to 1. Default 0. */
  xFactor?: Factors;
  /** Pixels down per column. Default 0. */
  yFactor?: Factors;
}

/**
 * Slants pictures around their middle (Keras: around the corner). Any size.
 *
 * @example
 * const step = augment.randomShear({ xFactor: 0.2, yFactor: 0.2 });
 */
export const randomShear = defineStep<RandomShearOptions>(
  'randomShear',
  { xFactor: 0, yFactor: 0, ...fillDefaults },
  (options) => {
    const across = readFactors(options, 'xFactor', [-1, 1], bothWays);
    const down = readFactors(options, 'yFactor', [-1, 1], bothWays);
    const filling = readFilling(options);
    return (context) => shear(context, between(context.random, across), between(context.random, down), filling);
  },
);

export interface RandomPerspectiveOptions extends FillOptions {
  /** Share of the pictures that change. Default 1. */
  factor?: number;
  /** How far corners move inwards, 1: by up to half of a side. Default 0.5. */
  scale?: number;
}

/**
 * Looks at pictures from the side: every corner moves inwards by its own distance, as in torchvision. Any size.
 *
 * @example
 * const step = augment.randomPerspective({ factor: 0.5, scale: 0.3, fillMode: 'constant' });
 */
export const randomPerspective = defineStep<RandomPerspectiveOptions>(
  'randomPerspective',
  { factor: 1, scale: 0.5, ...fillDefaults },
  (options) => {
    const rate = readRate(options, 'factor');
    const reach = readRate(options, 'scale') / 2;
    const filling = readFilling(options);
    return (context) => {
      const { random, height, width } = context;
      if (random.uniform() >= rate) return [];
      const [right, bottom] = [width - 1, height - 1];
      const inwards = (size: number) => random.uniform() * reach * size;
      const corners = [0, 0, right, 0, 0, bottom, right, bottom];
      const moved = corners.map((at, i) => {
        const by = inwards(i % 2 === 0 ? right : bottom);
        return at === 0 ? by : at - by;
      });
      const matrix = projection(moved, corners);
      return matrix ? warpTo(context, matrix, filling) : [];
    };
  },
);

export interface RandomCropOptions extends StepOptions {
  /** Of the result, in pixels. */
  height: number;
  width: number;
  /** Pixels added on each side first. Default 0. */
  padding?: number;
  /** What they are. Default 'constant'. */
  fillMode?: FillMode;
  /** Default 0. */
  fillValue?: number;
}

/**
 * Cuts out a part; with `padding` this is the shift by a few pixels that CIFAR networks train with. Of a smaller picture the
 * largest part of the same proportions is enlarged, as in Keras. Any size.
 *
 * @example
 * const step = augment.randomCrop({ height: 32, width: 32, padding: 4 });
 */
export const randomCrop = defineStep<RandomCropOptions>(
  'randomCrop',
  { height: undefined, width: undefined, padding: 0, fillMode: 'constant', fillValue: 0 },
  (options) => {
    const size = { height: options.integer('height', { min: 1 }), width: options.integer('width', { min: 1 }) };
    const padding = options.integer('padding', { min: 0 });
    const border = { mode: options.oneOf('fillMode', fillModes), value: options.number('fillValue') };
    return ({ random, height, width }) => {
      const [rows, columns] = [height + 2 * padding - size.height, width + 2 * padding - size.width];
      if (rows < 0 || columns < 0) {
        const scale = Math.min(height / size.height, width / size.width);
        const [partHeight, partWidth] = [scale * size.height, scale * size.width];
        return crop(size, (width - partWidth) / 2, (height - partHeight) / 2, partHeight, partWidth);
      }
      const y = random.integer(rows + 1) - padding;
      const x = random.integer(columns + 1) - padding;
      return warpTo(size, shift(x, y), padding > 0 ? { border } : {});
    };
  },
);

export interface RandomResizedCropOptions extends StepOptions {
  /** Of the result, in pixels. */
  height: number;
  width: number;
  /** Smallest and largest share of the picture's area. Default [0.08, 1]. */
  scale?: readonly [number, number];
  /** Least and greatest width / height of the part. Default [3 / 4, 4 / 3]. */
  ratio?: readonly [number, number];
  /** Default 'bilinear', with averages first where the part is more than twice as large as the result. */
  interpolation?: Interpolation;
}

/**
 * Cuts out a part of random size and proportions and brings it to one size (Szegedy et al., 2015), as in torchvision: how
 * networks for photographs are trained. Any size.
 *
 * @example
 * const step = augment.randomResizedCrop({ height: 224, width: 224, scale: [0.35, 1] });
 */
export const randomResizedCrop = defineStep<RandomResizedCropOptions>(
  'randomResizedCrop',
  { height: undefined, width: undefined, scale: [0.08, 1], ratio: [3 / 4, 4 / 3], interpolation: 'bilinear' },
  (options) => {
    const size = { height: options.integer('height', { min: 1 }), width: options.integer('width', { min: 1 }) };
    const scales = readFactors(options, 'scale', [1e-6, 1], (share) => [share, 1]);
    const ratios = readFactors(options, 'ratio', [1e-3, 1e3], (ratio) => [ratio, ratio]);
    const interpolation = options.oneOf('interpolation', interpolations);
    const tries = 10;
    return ({ random, height, width }) => {
      const cut = (partHeight: number, partWidth: number, y: number, x: number): Effect[] =>
        crop(size, x, y, partHeight, partWidth).map((effect) =>
          'warp' in effect ? { warp: { ...effect.warp, interpolation } } : effect,
        );
      for (let i = 0; i < tries; i++) {
        const area = between(random, scales) * height * width;
        const ratio = Math.exp(between(random, [Math.log(ratios[0]), Math.log(ratios[1])]));
        const partWidth = Math.max(1, Math.round(Math.sqrt(area * ratio)));
        const partHeight = Math.max(1, Math.round(Math.sqrt(area / ratio)));
        if (partWidth > width || partHeight > height) continue;
        const y = random.integer(height - partHeight + 1);
        return cut(partHeight, partWidth, y, random.integer(width - partWidth + 1));
      }
      const ratio = Math.min(Math.max(width / height, ratios[0]), ratios[1]);
      const partWidth = Math.min(width, height * ratio);
      const partHeight = Math.min(height, width / ratio);
      return cut(partHeight, partWidth, (height - partHeight) / 2, (width - partWidth) / 2);
    };
  },
);
