// What can be counted about a folder of pictures: classes, sizes, turned pictures.

import type { SplitName } from '../../data/scan.js';
import type { SeenImage } from './survey.js';

export interface ClassCount {
  readonly split: SplitName;
  readonly className: string;
  readonly images: number;
}

/** Pictures of each class in each part, of classes that a part does not have, too. */
export function countClasses(images: readonly SeenImage[], names: readonly string[]): ClassCount[] {
  const splits = [...new Set(images.map(({ split }) => split))];
  const counts = new Map<string, number>();
  const key = (split: string, className: string) => JSON.stringify([split, className]);
  for (const { split, className } of images)
    counts.set(key(split, className), (counts.get(key(split, className)) ?? 0) + 1);
  return splits.flatMap((split) =>
    names.map((className) => ({ split, className, images: counts.get(key(split, className)) ?? 0 })),
  );
}

/** The largest class may have this many times the pictures of the smallest. */
const mostUneven = 3;

/** What is wrong with the classes of a part, in words. */
export function unevenClasses(counts: readonly ClassCount[]): string[] {
  return [...new Set(counts.map(({ split }) => split))].flatMap((split) => {
    const own = counts.filter((count) => count.split === split).sort((a, b) => a.images - b.images);
    const [least, most] = [own[0], own[own.length - 1]];
    const empty = own.filter(({ images }) => images === 0).map(({ className }) => `'${className}'`);
    if (empty.length > 0) return [`${split} has no pictures of ${empty.join(', ')}`];
    if (most.images <= mostUneven * least.images) return [];
    return [`${split}: '${most.className}' has ${most.images} pictures, '${least.className}' ${least.images}`];
  });
}

export interface Sizes {
  readonly median: readonly [height: number, width: number];
  /** Names of pictures with a side below 32 pixels. */
  readonly tiny: readonly string[];
  /** Names of pictures more than three times as long as wide, or the other way round. */
  readonly long: readonly string[];
}

const [tinySide, longest] = [32, 3];

export function tallySizes(images: readonly SeenImage[]): Sizes {
  const middle = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  const named = (holds: (height: number, width: number) => boolean) =>
    images.filter(({ size: [height, width] }) => holds(height, width)).map(({ name }) => name);
  return {
    median: [middle(images.map(({ size }) => size[0])), middle(images.map(({ size }) => size[1]))],
    tiny: named((height, width) => Math.min(height, width) < tinySide),
    long: named((height, width) => Math.max(height, width) > longest * Math.min(height, width)),
  };
}

/** How many pictures are turned by EXIF in which way, 2 to 8. */
export function countOrientations(images: readonly SeenImage[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { orientation } of images) {
    if (orientation > 1) counts[orientation] = (counts[orientation] ?? 0) + 1;
  }
  return counts;
}
