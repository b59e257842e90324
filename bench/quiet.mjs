// Is the machine quiet? Two signs tell: the peak of multiply-adds that can be reached right before and after a sample,
// against the best one seen, and the processor time that others took during it. The peak alone is not enough: where
// others compute all the time, the best one seen is a disturbed one too.

import { readFileSync } from 'node:fs';
import { loadAddon } from '../dist/backend/load.js';

/** A peak below this share of the best one means that somebody else is computing. */
const quietShare = 0.9;
/** Processors that others may keep busy on average, and the seconds by which the system's counters may be wrong. */
const othersAllowed = 0.1;
const counterError = 0.02;

/** Seconds that all processors together have worked since the machine started; null where the system does not tell. */
function machineSeconds() {
  try {
    const [line] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
    const [user, nice, system, , , irq, softirq, steal] = line.trim().split(/\s+/).slice(1).map(Number);
    return (user + nice + system + irq + softirq + steal) / 100;
  } catch {
    return null;
  }
}

export function ownSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Runs `body` and tells how many processors others kept busy meanwhile; 0 where that cannot be known. */
async function watched(body) {
  const [start, machine, own] = [performance.now(), machineSeconds(), ownSeconds()];
  const value = await body();
  const elapsed = (performance.now() - start) / 1000;
  // A process that was started for this sample says itself what it used.
  const ours = ownSeconds() - own + (value.cpuSeconds ?? 0);
  const others = machine === null ? 0 : Math.max(0, machineSeconds() - machine - ours - counterError);
  return { value, others: others / elapsed };
}

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

  /** Runs `body` up to `tries` times, until a run was quiet; every result with what was seen around it. */
  async attempt(body, tries = 1) {
    const attempts = [];
    let before = this.measure();
    for (let i = 0; i < tries; i++) {
      const { value, others } = await watched(body);
      const after = this.measure();
      attempts.push({ value, others, peak: Math.min(before, after) });
      if (this.isQuiet(attempts.at(-1))) break;
      before = after;
    }
    return attempts;
  }

  isQuiet({ peak, others }) {
    return peak >= quietShare * this.best && others <= othersAllowed;
  }

  /** What counts of all attempts: the quiet ones, or all of them where none was. */
  settle(attempts) {
    const quiet = attempts.filter((attempt) => this.isQuiet(attempt));
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
