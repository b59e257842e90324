// Images drawn with block characters, and the confusion matrix.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawImages } from '../../src/cli/digits-art.js';
import { textWidth } from '../../src/core/table.js';
import { confusionMatrix, formatConfusion } from '../../src/report/confusion.js';

describe('drawImages', () => {
  it('draws each pair of pixels as the nearest character', () => {
    const pixels = [0, 64, 128, 191, 255, 255, 0, 0, 64, 128, 191, 255, 0, 255];
    expect(drawImages([{ pixels }], { height: 2, width: 7 })).toBe(' ░▒▓█▀▄');
    expect(drawImages([{ pixels }], { height: 2, width: 7, invert: true })).toBe('█▓▒░ ▄▀');
    expect(
      drawImages([{ pixels: Float32Array.from(pixels, (v) => v / 255) }], { height: 2, width: 7, maximum: 1 }),
    ).toBe(' ░▒▓█▀▄');
  });

  it('draws odd heights, several channels, and values out of range', () => {
    expect(drawImages([{ pixels: [255, 0, 255] }], { height: 3, width: 1 })).toBe('▀\n▀');
    expect(drawImages([{ pixels: [255, 255, 255, 0, 0, 0] }], { height: 1, width: 2, channels: 3 })).toBe('▀');
    expect(drawImages([{ pixels: [-5, 999, Number.NaN, Infinity] }], { height: 2, width: 2 })).toBe(' █');
  });

  it('sets images side by side with captions, as many as fit', () => {
    const image = (caption: string) => ({ pixels: [255, 255, 255, 255, 255, 255, 255, 255], caption });
    const images = ['7 → 1', '4 → 9', 'x'].map(image);
    expect(drawImages(images, { height: 2, width: 4, columns: 12 })).toBe('████   ████\n7 → 1  4 → 9\n\n████\n x');
    expect(drawImages(images, { height: 2, width: 4, columns: 3 })).toBe('▀▀\n7 …\n\n▀▀\n4 …\n\n▀▀\nx');
    expect(drawImages([], { height: 2, width: 4 })).toBe('');
  });

  it('never passes the width of the terminal, and draws every image', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.string({ unit: fc.constantFrom('a', '→', '字', ' '), maxLength: 12 }), { maxLength: 6 }),
        (height, width, columns, captions) => {
          const images = captions.map((caption) => ({ pixels: new Uint8Array(height * width).fill(255), caption }));
          const lines = drawImages(images, { height, width, columns }).split('\n');
          for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(columns);
          const factor = Math.ceil(width / columns);
          const ink = lines.join('').replace(/[^█▀]/g, '').length;
          expect(ink).toBe(images.length * Math.ceil(width / factor) * Math.ceil(height / (2 * factor)));
        },
      ),
    );
  });
});

describe('confusion matrix', () => {
  it('counts and draws', () => {
    const matrix = confusionMatrix(Int32Array.of(0, 1, 1, 2, 2, 2), [0, 1, 0, 2, 2, 1], 4);
    expect(matrix).toEqual([
      [1, 0, 0, 0],
      [1, 1, 0, 0],
      [0, 1, 2, 0],
      [0, 0, 0, 0],
    ]);
    expect(formatConfusion(matrix, ['cat', 'dog'])).toBe(
      [
        'Rows: true class, columns: predicted class',
        '┏━━━━━━━┳━━━┳━━━┳━━━┳━━━┳━━━━━━━━┓',
        '┃ true  ┃ 0 ┃ 1 ┃ 2 ┃ 3 ┃  found ┃',
        '┡━━━━━━━╇━━━╇━━━╇━━━╇━━━╇━━━━━━━━┩',
        '│ 0 cat │ 1 │ · │ · │ · │ 100.0% │',
        '│ 1 dog │ 1 │ 1 │ · │ · │  50.0% │',
        '│ 2     │ · │ 1 │ 2 │ · │  66.7% │',
        '│ 3     │ · │ · │ · │ · │      - │',
        '├───────┼───┼───┼───┼───┼────────┤',
        '│ all   │ 2 │ 2 │ 2 │ 0 │  66.7% │',
        '└───────┴───┴───┴───┴───┴────────┘',
      ].join('\n'),
    );
  });

  it.each([
    [[0, 1], [0], /expected 2 predictions, one for each label, got 1/],
    [[0, 4], [0, 0], /sample 1: expected class numbers from 0 to 3, got label 4, prediction 0/],
    [[0], [-1], /got label 0, prediction -1/],
    [[0.5], [0], /got label 0.5/],
  ])('refuses %j against %j', (labels, predicted, message) => {
    expect(() => confusionMatrix(labels, predicted, 4)).toThrow(message);
  });
});
