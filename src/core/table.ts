// Tables for the terminal, drawn as Keras's summary() draws them, and the text of counts and memory sizes in them.

export interface TableColumn {
  readonly title: string;
  /** Default 'left'. */
  readonly align?: 'left' | 'right' | 'center';
}

export interface TableOptions {
  readonly columns: readonly TableColumn[];
  /** One text per column; missing ones are empty. Plain text, without colours. */
  readonly rows: readonly (readonly string[])[];
  /** Rows below a rule at the end: totals. */
  readonly footer?: readonly (readonly string[])[];
  /** A rule between all rows, as in Keras; default true. */
  readonly rules?: boolean;
  /** Cells are wrapped so that lines stay within this many characters where possible; 0 or none: no limit. */
  readonly maxWidth?: number;
}

const narrowest = 4;

/**
 * Draws a table; lines are separated by newlines, none at the end.
 *
 * @example
 * formatTable({ columns: [{ title: 'Layer' }, { title: 'Param #', align: 'right' }], rows: [['conv', '320']] });
 * // ┏━━━━━━━┳━━━━━━━━━┓
 * // ┃ Layer ┃ Param # ┃
 * // ┡━━━━━━━╇━━━━━━━━━┩
 * // │ conv  │     320 │
 * // └───────┴─────────┘
 */
export function formatTable(options: TableOptions): string {
  const { columns, rows, footer = [], rules = true } = options;
  const maxWidth = options.maxWidth || Number.POSITIVE_INFINITY;
  const titles = columns.map(({ title }) => title);
  const widths = fitWidths([titles, ...rows, ...footer], columns.length, maxWidth);
  const row = (cells: readonly string[], bar: string) => formatRow(cells, columns, widths, bar);
  const rule = (left: string, line: string, cross: string, right: string) =>
    left + widths.map((width) => line.repeat(width + 2)).join(cross) + right;

  const middle = rule('├', '─', '┼', '┤');
  const lines = [rule('┏', '━', '┳', '┓'), row(titles, '┃'), rule('┡', '━', '╇', '┩')];
  rows.forEach((cells, index) => {
    if (rules && index > 0) lines.push(middle);
    lines.push(row(cells, '│'));
  });
  footer.forEach((cells, index) => {
    if (rows.length > 0 && (rules || index === 0)) lines.push(middle);
    lines.push(row(cells, '│'));
  });
  lines.push(rule('└', '─', '┴', '┘'));
  return lines.join('\n');
}

/** Width on a terminal: combining marks take no place, East Asian characters and pictures two. */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** "34,826" */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** "136.04 KB": units of 1024, as Keras prints them. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toFixed(2)} ${units[unit]}`;
}

function charWidth(char: string): number {
  if (/^[\p{M}\u200b-\u200d\u2060\ufeff]$/u.test(char)) return 0;
  return /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]$/u.test(
    char,
  )
    ? 2
    : 1;
}

/** Natural widths, the widest column narrowed until the table fits. */
function fitWidths(rows: readonly (readonly string[])[], count: number, maxWidth: number): number[] {
  const widths = Array.from({ length: count }, (_, column) =>
    rows.reduce((widest, cells) => Math.max(widest, ...(cells[column] ?? '').split('\n').map(textWidth)), 1),
  );
  let excess = widths.reduce((sum, width) => sum + width + 3, 1) - maxWidth;
  while (excess > 0) {
    const widest = Math.max(...widths);
    if (widest <= narrowest) break;
    widths[widths.indexOf(widest)]--;
    excess--;
  }
  return widths;
}

function formatRow(
  cells: readonly string[],
  columns: readonly TableColumn[],
  widths: readonly number[],
  bar: string,
): string {
  const wrapped = widths.map((width, column) => wrap(cells[column] ?? '', width));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => {
    const parts = widths.map((width, column) => pad(wrapped[column][line] ?? '', width, columns[column].align));
    return `${bar} ${parts.join(` ${bar} `)} ${bar}`;
  }).join('\n');
}

function pad(text: string, width: number, align: TableColumn['align'] = 'left'): string {
  const room = Math.max(0, width - textWidth(text));
  const left = align === 'left' ? 0 : align === 'right' ? room : Math.floor(room / 2);
  return ' '.repeat(left) + text + ' '.repeat(room - left);
}

/** Breaks at spaces where it can, inside words where it must. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of textWidth(paragraph) <= width ? [paragraph] : paragraph.split(' ')) {
      const joined = line === '' ? word : `${line} ${word}`;
      if (textWidth(joined) <= width) {
        line = joined;
        continue;
      }
      if (line !== '') lines.push(line);
      line = '';
      for (const char of word) {
        if (textWidth(line + char) > width && line !== '') {
          lines.push(line);
          line = '';
        }
        line += char;
      }
    }
    lines.push(line);
  }
  return lines;
}
