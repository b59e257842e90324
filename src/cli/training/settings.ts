// What `train` uses where the call says nothing: chosen from the data, each with its reason.

import * as augment from '../../data/augment/index.js';
import type { BackboneName } from '../../zoo/backbones.js';

/** `warp` turns, zooms and shifts pictures and changes their tones; `crop` only moves them by some pixels. */
export const augmentKinds = ['warp', 'crop', 'none'] as const;

/** `balanced`: images of rare classes count as much more as there are fewer of them. */
export const classWeights = ['balanced', 'none'] as const;

export interface GivenSettings {
  model?: BackboneName;
  imageSize?: number;
  epochs?: number;
  batchSize?: number;
  learningRate?: number;
  weightDecay?: number;
  labelSmoothing?: number;
  augment?: (typeof augmentKinds)[number];
  flip?: boolean;
  seed?: number;
  classWeight?: (typeof classWeights)[number];
}

export type Settings = Required<GivenSettings>;

export interface DataFacts {
  /** Training images. */
  readonly images: number;
  readonly classes: number;
  /** 1: grey. */
  readonly channels: number;
  /** Training images of each class, where they are counted. */
  readonly counts?: readonly number[];
  /** [height, width] of some images. */
  readonly sizes: readonly (readonly [height: number, width: number])[];
}

/** Sides that images are brought to. */
const sides = [32, 48, 64];
/** Images up to this side are only moved. */
const smallSide = 40;
/** How many pictures a training should look at: epochs times images. */
const looks = 180_000;

/** Times that the largest class may have as many images as the smallest before they are weighed. */
const evenEnough = 3;

/** Every setting, and a line for each that was not given: `epochs 60: …`. */
export function chooseSettings(given: GivenSettings, facts: DataFacts): { settings: Settings; reasons: string[] } {
  const reasons: string[] = [];
  const choose = <K extends keyof Settings>(name: K, value: Settings[K], reason: string): Settings[K] => {
    if (given[name] !== undefined) return given[name] as Settings[K];
    reasons.push(`${name} ${value}: ${reason}`);
    return value;
  };
  const { images, channels } = facts;
  const [side, sideReason] = chooseSide(facts.sizes);
  const imageSize = choose('imageSize', side, sideReason);
  const counts = (facts.counts ?? []).filter((count) => count > 0);
  const [fewest, largest] = [Math.min(...counts), Math.max(...counts)];
  const isUneven = largest > evenEnough * fewest;
  const isSmall = imageSize <= smallSide;
  const epochs = Math.min(60, Math.max(5, Math.round(looks / Math.max(1, images))));
  const flip: [boolean, string] =
    channels === 1
      ? [false, 'grey images are often letters or digits, which are not mirrored; --flip for others']
      : [true, 'left and right look alike in most photographs; --no-flip for letters and digits'];
  return {
    settings: {
      imageSize,
      model: choose('model', 'small', 'the most accurate that trains in minutes'),
      epochs: choose('epochs', epochs, `${images} images to train with; fewer images are looked at more often`),
      batchSize: choose('batchSize', images < 2000 ? 32 : 64, 'small sets need many steps, large ones fast ones'),
      learningRate: choose('learningRate', 0.004, 'the highest of a rise and a fall (one cycle)'),
      weightDecay: given.weightDecay ?? 0.02,
      labelSmoothing: given.labelSmoothing ?? 0.1,
      augment: isSmall
        ? choose('augment', 'crop', 'small images are only moved by some pixels; turning and zooming would blur them')
        : choose('augment', 'warp', 'images are turned, zoomed and shifted a little, and their tones changed'),
      flip: choose('flip', ...flip),
      seed: given.seed ?? 0,
      classWeight: isUneven
        ? choose('classWeight', 'balanced', `classes have from ${fewest} to ${largest} images`)
        : (given.classWeight ?? 'none'),
    },
    reasons,
  };
}

/** What images of each class count, on average over all images 1; undefined: all the same. */
export function classWeightOf(
  { classWeight }: Pick<Settings, 'classWeight'>,
  counts: readonly number[],
): number[] | undefined {
  if (classWeight !== 'balanced') return undefined;
  const present = counts.filter((count) => count > 0);
  const images = present.reduce((sum, count) => sum + count, 0);
  return counts.map((count) => (count > 0 ? images / (present.length * count) : 1));
}

/** The images' own side where it is small and that of all, else the largest that they fill. */
function chooseSide(sizes: DataFacts['sizes']): [side: number, reason: string] {
  const shorter = sizes.map((size) => Math.min(...size)).sort((a, b) => a - b);
  const median = shorter[shorter.length >> 1] ?? 0;
  const isCommon = sizes.length > 0 && sizes.every(([height, width]) => height === median && width === median);
  if (isCommon && median >= leastSide && median <= sides[sides.length - 1]) {
    return [median, `the images are ${median}x${median} pixels`];
  }
  const side = sides.findLast((one) => one <= median) ?? sides[0];
  return [side, `the images' shorter side is ${median} pixels on the median`];
}

/** Smaller images are enlarged. */
const leastSide = 16;

/** The changes that training images go through; undefined for none. */
export function augmentationOf({
  augment: kind,
  flip,
  imageSize,
}: Pick<Settings, 'augment' | 'flip' | 'imageSize'>): augment.Augmentation | undefined {
  if (kind === 'none') return undefined;
  const mirrored = flip ? [augment.randomFlip({ mode: 'horizontal' })] : [];
  if (kind === 'crop') {
    const padding = Math.max(1, Math.round(imageSize / 8));
    return augment.compose([
      ...mirrored,
      augment.randomCrop({ height: imageSize, width: imageSize, padding, fillMode: 'reflect' }),
    ]);
  }
  return augment.compose([
    ...mirrored,
    augment.randomRotation({ factor: 0.04 }),
    augment.randomTranslation({ heightFactor: 0.1, widthFactor: 0.1 }),
    augment.randomZoom({ heightFactor: 0.15 }),
    augment.randomBrightness({ factor: 0.15 }),
    augment.randomContrast({ factor: 0.25 }),
  ]);
}
