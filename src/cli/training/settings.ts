// What `train` uses where the call says nothing: chosen from the data, each with its reason.

import * as augment from '../../data/augment/index.js';
import type { BackboneName } from '../../zoo/backbones.js';

export interface GivenSettings {
  model?: BackboneName;
  imageSize?: number;
  epochs?: number;
  batchSize?: number;
  learningRate?: number;
  weightDecay?: number;
  labelSmoothing?: number;
  augment?: 'default' | 'none';
  flip?: boolean;
  seed?: number;
}

export type Settings = Required<GivenSettings>;

export interface DataFacts {
  /** Training images. */
  readonly images: number;
  readonly classes: number;
  /** Of the shorter sides of some images, in pixels. */
  readonly medianSide: number;
}

/** Sides that images are brought to, and how many pictures a training should look at: epochs times images. */
const sides = [32, 48, 64];
const looks = 300_000;

/** Every setting, and a line for each that was not given: `epochs 60: …`. */
export function chooseSettings(given: GivenSettings, facts: DataFacts): { settings: Settings; reasons: string[] } {
  const reasons: string[] = [];
  const choose = <K extends keyof Settings>(name: K, value: Settings[K], reason: string): Settings[K] => {
    if (given[name] !== undefined) return given[name] as Settings[K];
    reasons.push(`${name} ${value}: ${reason}`);
    return value;
  };
  const side = sides.findLast((one) => one <= facts.medianSide) ?? sides[0];
  const imageSize = choose('imageSize', side, `the images' shorter side is ${facts.medianSide} pixels on the median`);
  const epochs = Math.min(60, Math.max(10, Math.round(looks / Math.max(1, facts.images))));
  return {
    settings: {
      imageSize,
      model: choose('model', 'small', 'the most accurate that trains in minutes'),
      epochs: choose('epochs', epochs, `${facts.images} images to train with; fewer images are looked at more often`),
      batchSize: choose('batchSize', facts.images < 2000 ? 32 : 64, 'small sets need many steps, large ones fast ones'),
      learningRate: choose('learningRate', 0.004, 'the highest of a rise and a fall (one cycle)'),
      weightDecay: given.weightDecay ?? 0.02,
      labelSmoothing: given.labelSmoothing ?? 0.1,
      augment: given.augment ?? 'default',
      flip: choose('flip', true, 'left and right look alike in most photographs; --no-flip for letters and digits'),
      seed: given.seed ?? 0,
    },
    reasons,
  };
}

/** The changes that training images go through; undefined for none. */
export function augmentationOf({
  augment: kind,
  flip,
}: Pick<Settings, 'augment' | 'flip'>): augment.Augmentation | undefined {
  if (kind === 'none') return undefined;
  return augment.compose([
    ...(flip ? [augment.randomFlip({ mode: 'horizontal' })] : []),
    augment.randomRotation({ factor: 0.04 }),
    augment.randomTranslation({ heightFactor: 0.1, widthFactor: 0.1 }),
    augment.randomZoom({ heightFactor: 0.15 }),
    augment.randomBrightness({ factor: 0.15 }),
    augment.randomContrast({ factor: 0.25 }),
  ]);
}
