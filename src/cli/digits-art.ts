// Grey images drawn with characters: each stands for two pixels, one above the other, as one of seven block elements.
// Works without colours, on dark and (inverted) on light terminals.

import { textWidth } from '../core/table.js';

export interface ArtImage {
  /** height × width × channels values; channels are averaged. */
  readonly pixels: ArrayLike<number>;
  /** One line below the image: '7 → 1'. */
  readonly caption?: string;
}

export interface ArtOptions {
  readonly height: number;
  readonly width: number;
  /** Default 1. */
  readonly channels?: number;
  /** Characters per line; default 80, also for 0, as a terminal of unknown size says. */
  readonly columns?: number;
  /** The value drawn as full ink; default 255. Values are clamped to 0 … maximum. */
  readonly maximum?: number;
  /** Draws dark pixels as ink, for dark-on-light images or light terminals; default false. */
  readonly invert?: boolean;
}

/** What each character shows: ink in its upper and lower half. */
const glyphs: readonly (readonly [char: string, upper: number, lower: number])[] = [
  [' ', 0, 0],
  ['░', 0.25, 0.25],
  ['▒', 0.5, 0.5],
  ['▓', 0.75, 0.75],
  ['█', 1, 1],
  ['▀', 1, 0],
  ['▄', 0, 1],
];

const gap = 2;

/**
 * Draws images side by side, as many in a row as `columns` takes, each with its caption. An image wider than that is
 * reduced by a whole factor. Lines are separated by newlines, none at the end.
 *
 * @example
 * drawImages([{ pixels: [255, 0, 255, 255], caption: 'L' }], { height: 2, width: 2 }); // '█▄\nL'
 */
export function drawImages(images: readonly ArtImage[], options: ArtOptions): string {
  const columns = options.columns || 80;
  const factor = Math.max(1, Math.ceil(options.width / columns));
  const artWidth = Math.ceil(options.width / factor);
  const captions = images.map(({ caption = '' }) => clip(caption, columns));
  const cellWidth = Math.max(artWidth, ...captions.map(textWidth));
  const perRow = Math.max(1, Math.floor((columns + gap) / (cellWidth + gap)));

  const blocks: string[] = [];
  for (let start = 0; start < images.length; start += perRow) {
    const cells = images.slice(start, start + perRow).map((image, i) => {
      const lines = drawOne(image.pixels, options, factor);
      const caption = captions[start + i];
      const indent = Math.max(0, Math.floor((artWidth - textWidth(caption)) / 2));
      return caption === '' ? lines : [...lines, ' '.repeat(indent) + caption];
    });
    const height = Math.max(...cells.map((lines) => lines.length));
    blocks.push(Array.from({ length: height }, (_, line) => joinCells(cells, line, cellWidth)).join('\n'));
  }
  return blocks.join('\n\n');
}

function joinCells(cells: readonly (readonly string[])[], line: number, width: number): string {
  const parts = cells.map((lines) => {
    const text = lines[line] ?? '';
    return text + ' '.repeat(width - textWidth(text));
  });
  return parts.join(' '.repeat(gap)).trimEnd();
}

function drawOne(pixels: ArrayLike<number>, options: ArtOptions, factor: number): string[] {
  const { height, width } = options;
  const lines: string[] = [];
  for (let top = 0; top < height; top += 2 * factor) {
    let line = '';
    for (let left = 0; left < width; left += factor) {
      line += glyphFor(inkAt(pixels, options, factor, top, left), inkAt(pixels, options, factor, top + factor, left));
    }
    lines.push(line);
  }
  return lines;
}

/** Mean ink, 0 to 1, of a square of the image; none below its last row. */
function inkAt(pixels: ArrayLike<number>, options: ArtOptions, factor: number, top: number, left: number): number {
  const { height, width, channels = 1, maximum = 255, invert = false } = options;
  let sum = 0;
  let count = 0;
  for (let row = top; row < Math.min(top + factor, height); row++) {
    for (let column = left; column < Math.min(left + factor, width); column++) {
      for (let channel = 0; channel < channels; channel++) {
        sum += pixels[(row * width + column) * channels + channel] / maximum;
        count++;
      }
    }
  }
  if (count === 0) return 0;
  const light = Math.min(1, Math.max(0, sum / count)) || 0;
  return invert ? 1 - light : light;
}

function glyphFor(upper: number, lower: number): string {
  let best = ' ';
  let least = Number.POSITIVE_INFINITY;
  for (const [char, up, low] of glyphs) {
    const distance = (upper - up) ** 2 + (lower - low) ** 2;
    if (distance < least) {
      least = distance;
      best = char;
    }
  }
  return best;
}

function clip(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let kept = '';
  for (const char of text) {
    if (textWidth(kept + char) > width - 1) break;
    kept += char;
  }
  return `${kept}…`;
}
