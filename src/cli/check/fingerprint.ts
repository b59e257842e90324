// What a picture looks like in few numbers: a perceptual hash of 63 bits, which survives other sizes and compression, and a
// thumbnail.

/** Side of the picture that both are made of, and of the thumbnail. */
export const sourceSide = 32;
export const thumbSide = 8;
export const thumbBytes = thumbSide * thumbSide * 3;
/** Bits of a hash, in two words. */
export const hashBits = 63;

export interface Looks {
  readonly hash: readonly [low: number, high: number];
  /** [8, 8, 3] */
  readonly thumb: Uint8Array;
  /** Whether there is hardly anything to see, so that the hash says nothing. */
  readonly isFlat: boolean;
}

const flat = 3;
/** cosines[u][x] of the discrete cosine transform, its lowest frequencies. */
const frequencies = 8;
const cosines = Array.from({ length: frequencies }, (_, u) =>
  Float64Array.from({ length: sourceSide }, (_, x) => Math.cos((Math.PI * u * (2 * x + 1)) / (2 * sourceSide))),
);

/** @param pixels [32, 32, 3] */
export function looksOf(pixels: Uint8Array): Looks {
  const grey = Float64Array.from(
    { length: sourceSide * sourceSide },
    (_, i) => 0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2],
  );
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  const deviation = Math.sqrt(grey.reduce((sum, value) => sum + (value - mean) ** 2, 0) / grey.length);
  return { hash: hashOf(grey), thumb: thumbOf(pixels), isFlat: deviation < flat };
}

/** Which of the lowest frequencies, without the mean, are above their median (Zauner's pHash, 2010). */
function hashOf(grey: Float64Array): [low: number, high: number] {
  const rows = cosines.map((cosine) => {
    const row = new Float64Array(sourceSide);
    for (let y = 0; y < sourceSide; y++) {
      for (let x = 0; x < sourceSide; x++) row[y] += cosine[x] * grey[y * sourceSide + x];
    }
    return row;
  });
  const values = cosines.flatMap((cosine) =>
    rows.map((row) => row.reduce((sum, value, y) => sum + value * cosine[y], 0)),
  );
  const lowest = values.slice(1);
  const median = [...lowest].sort((a, b) => a - b)[hashBits >> 1];
  const words: [number, number] = [0, 0];
  lowest.forEach((value, bit) => {
    if (value > median) words[bit >> 5] = (words[bit >> 5] | (1 << (bit & 31))) >>> 0;
  });
  return words;
}

function thumbOf(pixels: Uint8Array): Uint8Array {
  const step = sourceSide / thumbSide;
  const sums = new Float64Array(thumbBytes);
  for (let y = 0; y < sourceSide; y++) {
    for (let x = 0; x < sourceSide; x++) {
      const to = 3 * (Math.floor(y / step) * thumbSide + Math.floor(x / step));
      for (let k = 0; k < 3; k++) sums[to + k] += pixels[3 * (y * sourceSide + x) + k];
    }
  }
  return Uint8Array.from(sums, (sum) => sum / step ** 2 + 0.5);
}
