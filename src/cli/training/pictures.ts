// Pictures that a run leaves behind: sheets of small images, and the confusion matrix as a table of colours.

import { loadSharp } from '../../data/sharp.js';
import type { ConfusionMatrix } from '../../report/confusion.js';

interface Picture {
  readonly data: Uint8Array;
  /** [height, width, 1 or 3] */
  readonly shape: readonly number[];
}

const gap = 2;

/** Pictures of one size in rows, as PNG. */
export async function drawSheet(pictures: readonly Picture[], file: string): Promise<void> {
  const { default: sharp } = await loadSharp();
  const [height = 1, width = 1, channels = 3] = pictures[0]?.shape ?? [];
  const columns = Math.max(1, Math.ceil(Math.sqrt(pictures.length)));
  const rows = Math.max(1, Math.ceil(pictures.length / columns));
  const across = columns * (width + gap) + gap;
  const sheet = Buffer.alloc(across * (rows * (height + gap) + gap) * channels, 255);
  pictures.forEach(({ data }, n) => {
    const left = gap + (n % columns) * (width + gap);
    const top = gap + Math.floor(n / columns) * (height + gap);
    for (let y = 0; y < height; y++) {
      const row = data.subarray(y * width * channels, (y + 1) * width * channels);
      sheet.set(row, ((top + y) * across + left) * channels);
    }
  });
  const raw = { width: across, height: sheet.length / across / channels, channels: channels as 1 | 3 };
  await sharp(sheet, { raw }).png().toFile(file);
}

const cell = 40;
const margin = 140;

/** Rows: true classes, columns: predicted ones; the darker, the larger the share of its row. As PNG. */
export async function drawConfusion(
  matrix: ConfusionMatrix,
  classNames: readonly string[],
  file: string,
): Promise<void> {
  const { default: sharp } = await loadSharp();
  const side = matrix.length * cell;
  const text = (x: number, y: number, content: string, extra = '') =>
    `<text x="${x}" y="${y}" ${extra}>${escaped(content)}</text>`;
  const cells = matrix.flatMap((row, i) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.map((count, j) => {
      const rate = total === 0 ? 0 : count / total;
      const [x, y] = [margin + j * cell, margin + i * cell];
      const label =
        count === 0
          ? ''
          : text(
              x + cell / 2,
              y + cell / 2 + 4,
              String(count),
              `text-anchor="middle" fill="${rate > 0.5 ? '#fff' : '#222'}"`,
            );
      return `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="${shade(rate)}" stroke="#ddd"/>${label}`;
    });
  });
  const names = classNames.flatMap((name, i) => {
    const at = margin + i * cell + cell / 2 + 4;
    return [
      text(margin - 8, at, shortened(name), 'text-anchor="end"'),
      text(0, 0, shortened(name), `transform="translate(${at} ${margin - 8}) rotate(-60)"`),
    ];
  });
  const legend = [0, 0.25, 0.5, 0.75, 1].map((rate, i) => {
    const y = margin + i * 24;
    const x = margin + side + 20;
    return `<rect x="${x}" y="${y}" width="20" height="24" fill="${shade(rate)}" stroke="#ddd"/>${text(x + 28, y + 16, `${100 * rate} %`)}`;
  });
  const [width, height] = [margin + side + 120, Math.max(margin + side, margin + 120) + 20];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${text(8, 20, 'rows: true class, columns: predicted; colour: share of the row')}
${[...cells, ...names, ...legend].join('\n')}
</svg>`;
  await sharp(Buffer.from(svg)).png().toFile(file);
}

/** From white to a dark blue. */
const shade = (rate: number): string =>
  `rgb(${[255, 255, 255].map((white, i) => Math.round(white + ([8, 48, 107][i] - white) * rate)).join(',')})`;

const shortened = (name: string): string => (name.length > 16 ? `${name.slice(0, 15)}…` : name);
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
