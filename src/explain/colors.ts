// Colour scales: numbers from 0 to 1 as red, green, blue, between fixed points.

/** sequential: dark to bright, for sizes. diverging: blue, white in the middle, red, for signs. */
export type ColorScale = 'sequential' | 'diverging' | 'grey';

type Color = readonly [red: number, green: number, blue: number];

const fromHex = (text: string): Color[] =>
  text.split(' ').map((hex) => {
    const value = Number.parseInt(hex, 16);
    return [value >> 16, (value >> 8) & 255, value & 255];
  });

/** sequential: matplotlib's inferno; diverging: ColorBrewer's RdBu with a pure white. Both keep apart for the colour-blind. */
const points: Readonly<Record<ColorScale, readonly Color[]>> = {
  sequential: fromHex('000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4'),
  diverging: fromHex('053061 2166ac 4393c3 92c5de ffffff f4a582 d6604d b2182b 67001f'),
  grey: fromHex('000000 ffffff'),
};

/** Odd: the middle of the diverging scale is an entry, pure white. */
const steps = 257;

function tableOf(colors: readonly Color[]): Uint8Array {
  const table = new Uint8Array(3 * steps);
  for (let i = 0; i < steps; i++) {
    const at = (i / (steps - 1)) * (colors.length - 1);
    const first = Math.min(Math.floor(at), colors.length - 2);
    const share = at - first;
    for (let c = 0; c < 3; c++) {
      table[3 * i + c] = Math.round(colors[first][c] * (1 - share) + colors[first + 1][c] * share);
    }
  }
  return table;
}

const tables: Readonly<Record<ColorScale, Uint8Array>> = {
  sequential: tableOf(points.sequential),
  diverging: tableOf(points.diverging),
  grey: tableOf(points.grey),
};

/** Numbers of a range as colours, three bytes each; outside the range the colours of its ends, NaN as the low end; an empty range is all 0. */
export function colorize(
  data: ArrayLike<number>,
  [low, high]: readonly [number, number],
  scale: ColorScale,
): Uint8Array {
  const table = tables[scale];
  const rgb = new Uint8Array(3 * data.length);
  const nothing = scale === 'diverging' ? 0.5 : 0;
  for (let i = 0; i < data.length; i++) {
    const share = high > low ? Math.min(Math.max((data[i] - low) / (high - low), 0), 1) || 0 : nothing;
    const entry = Math.round(share * (steps - 1));
    rgb.set(table.subarray(3 * entry, 3 * entry + 3), 3 * i);
  }
  return rgb;
}
