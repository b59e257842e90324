// Is the machine quiet? Other work shows in the peak of multiply-adds that can be reached at this moment. A sample
// counts only when the peak measured right before and after it is near the best one seen.

import { loadAddon } from '../dist/backend/load.js';

/** A peak below this share of the best one means that somebody else is computing. */
const quietShare = 0.9;

export class QuietGate {
  best = 0;

  /** @param {() => number} measurePeak GFLOP/s at this moment */
  constructor(measurePeak) {
    this.measurePeak = measurePeak;
    for (let i = 0; i < 3; i++) this.measure();
  }

  measure() {
    const peak = this.measurePeak();
    this.best = Math.max(this.best, peak);
    return peak;
  }

  /** Runs `body` up to `tries` times, until a run was quiet; every result with the lower of the peaks around it. */
  async attempt(body, tries = 1) {
    const attempts = [];
    let before = this.measure();
    for (let i = 0; i < tries; i++) {
      const value = await body();
      const after = this.measure();
      attempts.push({ value, peak: Math.min(before, after) });
      if (this.isQuiet(attempts.at(-1).peak)) break;
      before = after;
    }
    return attempts;
  }

  isQuiet(peak) {
    return peak >= quietShare * this.best;
  }

  /** What counts of all attempts: the quiet ones, or all of them where none was. */
  settle(attempts) {
    const quiet = attempts.filter(({ peak }) => this.isQuiet(peak));
    return { values: (quiet.length > 0 ? quiet : attempts).map(({ value }) => value), quiet: quiet.length > 0 };
  }
}

const gates = new Map();

/** One gate for each instruction set and number of threads; without an addon nothing can be told, and nothing is quiet. */
export function quietGate(isa, threads, seconds = 0.03) {
  const { addon } = loadAddon();
  const set = isa ?? addon?.isas()[0];
  const key = `${set}/${threads}`;
  if (!gates.has(key)) {
    gates.set(key, new QuietGate(addon ? () => addon.fmaPeak(set, threads, seconds) : () => Number.NaN));
  }
  return gates.get(key);
}
