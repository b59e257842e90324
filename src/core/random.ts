// Seeded, counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011). Any thread can draw element i without drawing those before it; native/simd/philox.h is the same in C++.

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const middle2 = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(middle2 / 65536)) >>> 0;
}

/** Writes the four 32-bit words of block (c0, c1, c2, c3) under key (k0, k1) to `out`. */
export function philox(out: Uint32Array, c0: number, c1: number, c2: number, c3: number, k0: number, k1: number): void {
  let x0 = c0 >>> 0;
  let x1 = c1 >>> 0;
  let x2 = c2 >>> 0;
  let x3 = c3 >>> 0;
  let key0 = k0 >>> 0;
  let key1 = k1 >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, x0);
    const low0 = Math.imul(M0, x0) >>> 0;
    const high1 = mulHigh(M1, x2);
    const low1 = Math.imul(M1, x2) >>> 0;
    x0 = (high1 ^ x1 ^ key0) >>> 0;
    x1 = low1;
    x2 = (high0 ^ x3 ^ key1) >>> 0;
    x3 = low0;
    key0 = (key0 + W0) >>> 0;
    key1 = (key1 + W1) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** Hash of a name (FNV-1a), to give each parameter or layer a stream of its own under one seed. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/**
 * A seeded stream of random numbers; the same seed and stream (whole numbers below 2 ** 53) give the same numbers on every
 * machine.
 *
 * @example
 * const random = new Random(42);
 * random.uniform(); // in [0, 1)
 */
export class Random {
  private readonly block = new Uint32Array(4);
  private used = 4;
  private counter = 0;
  private spare: number | undefined;

  constructor(
    private readonly seed: number,
    private readonly stream: number = 0,
  ) {}

  /** 32 random bits. */
  uint32(): number {
    if (this.used === 4) {
      philox(
        this.block,
        this.counter,
        Math.floor(this.counter / 2 ** 32),
        this.stream,
        Math.floor(this.stream / 2 ** 32),
        this.seed,
        Math.floor(this.seed / 2 ** 32),
      );
      this.counter++;
      this.used = 0;
    }
    return this.block[this.used++];
  }

  /** Uniform in [0, 1), 24 bits. */
  uniform(): number {
    return (this.uint32() >>> 8) / 16777216;
  }

  /** Standard normal (Box–Muller). */
  normal(): number {
    if (this.spare !== undefined) {
      const value = this.spare;
      this.spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 4294967297));
    const angle = 2 * Math.PI * this.uniform();
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Normal within two standard deviations (redrawn outside), as Keras's truncated initializers. */
  truncatedNormal(): number {
    for (;;) {
      const value = this.normal();
      if (value > -2 && value < 2) return value;
    }
  }

  /** Integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(((this.uint32() >>> 0) / 4294967296) * bound);
  }

  /** Fisher–Yates, in place. */
  shuffle<T extends Uint32Array | Int32Array | number[]>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      const item = items[i];
      items[i] = items[j];
      items[j] = item;
    }
    return items;
  }
}
