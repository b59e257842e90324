// Tables for the terminal: layout, wrapping, widths of characters, and the text of counts and sizes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatBytes, formatCount, formatTable, textWidth } from '../../src/core/table.js';

describe('formatTable', () => {
  it('draws as summary() is known to look', () => {
    const text = formatTable({
      columns: [{ title: 'Layer (type)' }, { title: 'Output Shape' }, { title: 'Param #', align: 'right' }],
      rows: [
        ['conv2d (Conv2D)', '(None, 26, 26, 32)', '320'],
        ['flatten (Flatten)', '(None, 21632)', '0'],
      ],
    });
    expect(text).toBe(
      [
        '┏━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━┓',
        '┃ Layer (type)      ┃ Output Shape       ┃ Param # ┃',
        '┡━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━┩',
        '│ conv2d (Conv2D)   │ (None, 26, 26, 32) │     320 │',
        '├───────────────────┼────────────────────┼─────────┤',
        '│ flatten (Flatten) │ (None, 21632)      │       0 │',
        '└───────────────────┴────────────────────┴─────────┘',
      ].join('\n'),
    );
  });

  it('aligns, sets totals apart and fills missing cells', () => {
    const text = formatTable({
      columns: [
        { title: 'a', align: 'center' },
        { title: 'b', align: 'right' },
      ],
      rows: [['12345', '1'], ['1'], []],
      footer: [['sum', '1'], ['mean']],
      rules: false,
    });
    expect(text).toBe(
      [
        '┏━━━━━━━┳━━━┓',
        '┃   a   ┃ b ┃',
        '┡━━━━━━━╇━━━┩',
        '│ 12345 │ 1 │',
        '│   1   │   │',
        '│       │   │',
        '├───────┼───┤',
        '│  sum  │ 1 │',
        '│ mean  │   │',
        '└───────┴───┘',
      ].join('\n'),
    );
  });

  it('has no rows', () => {
    const empty = formatTable({ columns: [{ title: 'a' }], rows: [] });
    expect(empty).toBe('┏━━━┓\n┃ a ┃\n┡━━━┩\n└───┘');
    expect(formatTable({ columns: [{ title: 'a' }], rows: [], footer: [['1']] })).toBe(
      '┏━━━┓\n┃ a ┃\n┡━━━┩\n│ 1 │\n└───┘',
    );
  });

  it('wraps at spaces, and inside words where it must', () => {
    const text = formatTable({
      columns: [{ title: 'layer' }, { title: 'n', align: 'right' }],
      rows: [['one two abcdefghijkl', '1']],
      maxWidth: 16,
    });
    expect(text.split('\n').slice(3, -1)).toEqual(['│ one two  │ 1 │', '│ abcdefgh │   │', '│ ijkl     │   │']);
  });

  it('keeps every line equally wide, within the limit, and loses no character', () => {
    const cell = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '字', 'é', 'e\u0301', '🙂'), maxLength: 30 });
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { maxLength: 3 }), { maxLength: 5 }),
        fc.integer({ min: 22, max: 80 }),
        (rows, maxWidth) => {
          const columns = [
            { title: 'one' },
            { title: 'two', align: 'right' as const },
            { title: 'x', align: 'center' as const },
          ];
          const lines = formatTable({ columns, rows, maxWidth }).split('\n');
          expect(new Set(lines.map(textWidth)).size).toBe(1);
          expect(textWidth(lines[0])).toBeLessThanOrEqual(maxWidth);
          const letters = (text: string) =>
            [...text]
              .filter((char) => !/[\s│├─┼┤└┴┘]/u.test(char))
              .sort()
              .join('');
          expect(letters(lines.slice(3).join(''))).toBe(letters(rows.flat().join('')));
        },
      ),
    );
  });
});

describe('text', () => {
  it('counts the places that characters take', () => {
    expect(['abc', '→', 'e\u0301', '漢字', '한', '🙂', ''].map(textWidth)).toEqual([3, 1, 1, 4, 2, 2, 0]);
  });

  it('writes counts and sizes', () => {
    expect([0, 999, 34826, 1e9].map(formatCount)).toEqual(['0', '999', '34,826', '1,000,000,000']);
    expect([0, 1023, 1024, 139304, 2 ** 40, 2 ** 60].map(formatBytes)).toEqual([
      '0.00 B',
      '1023.00 B',
      '1.00 KB',
      '136.04 KB',
      '1.00 TB',
      '1024.00 PB',
    ]);
  });
});
