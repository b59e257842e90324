// Small pictures for reports of tests: a shape and a colour for each class, noise on top.

import sharp from 'sharp';
import type { Random } from '../../src/core/random.js';

export const between = (random: Random, low: number, high: number): number => low + (high - low) * random.uniform();

type Paint = (x: number, y: number) => readonly [number, number, number];

async function png(width: number, height: number, paint: Paint): Promise<string> {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      pixels.set(
        paint(x, y).map((value) => Math.max(0, Math.min(255, value))),
        (y * width + x) * 3,
      );
  }
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return `data:image/png;base64,${bytes.toString('base64')}`;
}

/** Whether the point, from -1 to 1, lies inside the shape of the class. */
function isInside(kind: number, x: number, y: number): boolean {
  const angle = Math.atan2(y, x);
  const distance = Math.hypot(x, y);
  switch (kind % 5) {
    case 0:
      return distance < 0.6;
    case 1:
      return Math.max(Math.abs(x), Math.abs(y)) < 0.5;
    case 2:
      return distance < 0.45 + 0.2 * Math.cos(5 * angle);
    case 3:
      return y > -0.5 && y < 0.5 && Math.abs(x) < (y + 0.5) * 0.6;
    default:
      return distance < 0.65 && distance > 0.35;
  }
}

const side = 32;

export function photo(kind: number, random: Random): Promise<string> {
  const [dx, dy, turn] = [between(random, -0.2, 0.2), between(random, -0.2, 0.2), between(random, -0.4, 0.4)];
  const hue = (kind * 2.4 + between(random, -0.2, 0.2)) % 6.28;
  const colour = [0, 2.1, 4.2].map((shift) => 140 + 100 * Math.cos(hue + shift));
  return png(side, side, (px, py) => {
    const [u, v] = [(2 * px) / side - 1 - dx, (2 * py) / side - 1 - dy];
    const inside = isInside(kind, u * Math.cos(turn) - v * Math.sin(turn), u * Math.sin(turn) + v * Math.cos(turn));
    const noise = between(random, -18, 18);
    const back = 70 + 60 * (py / side);
    return [0, 1, 2].map((channel) => (inside ? colour[channel] : back) + noise) as [number, number, number];
  });
}

/** A filter of 5 by 5 that gets from noise to an edge with the epochs. */
export function filter(index: number, learned: number, random: Random): Promise<string> {
  const angle = (index * Math.PI) / 8;
  return png(5, 5, (x, y) => {
    const edge = 90 * Math.sign((x - 2) * Math.cos(angle) + (y - 2) * Math.sin(angle));
    const value = 128 + learned * edge + (1 - learned) * between(random, -100, 100);
    return index % 3 === 0 ? [value, 128 + (value - 128) / 2, 255 - value] : [value, value, value];
  });
}

/** Maps of `shown` filters side by side, each a blob of its own. */
export function sheet(shown: number, columns: number, size: number): Promise<string> {
  const rows = Math.ceil(shown / columns);
  return png(columns * (size + 1) - 1, rows * (size + 1) - 1, (x, y) => {
    const place = Math.floor(y / (size + 1)) * columns + Math.floor(x / (size + 1));
    if (x % (size + 1) === size || y % (size + 1) === size) return [40, 40, 40];
    const [u, v] = [(x % (size + 1)) / size - 0.5, (y % (size + 1)) / size - 0.5];
    const value = 255 * Math.exp(-8 * ((u - 0.3 * Math.cos(place)) ** 2 + (v - 0.3 * Math.sin(place)) ** 2));
    return place % 7 === 3 ? [0, 0, 0] : [value, value, value];
  });
}

export const overlay = (kind: number): Promise<string> =>
  png(64, 64, (x, y) => {
    const heat = Math.exp(-((x - 34) ** 2 + (y - 28) ** 2) / 300);
    return [60 + 195 * heat, 60 + 120 * heat * (1 - heat) * 3, 90 + 120 * (1 - heat) - 20 * (kind % 3)];
  });
