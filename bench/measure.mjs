// Timing, and the few numbers that are made of times.

import { readFileSync } from 'node:fs';

/** Calls `body` (may be async) until `seconds` have passed, at least `least` times; milliseconds of each call. */
export async function sample(body, { seconds = 2, least = 3, most = 2000, warmups = 2 } = {}) {
  for (let i = 0; i < warmups; i++) await body();
  const times = [];
  const end = performance.now() + 1000 * seconds;
  while (times.length < least || (performance.now() < end && times.length < most)) {
    const start = performance.now();
    await body();
    times.push(performance.now() - start);
  }
  return times;
}

export function bestAndMedian(times) {
  const sorted = [...times].sort((a, b) => a - b);
  return { ms: sorted[0], medianMs: sorted[Math.floor(sorted.length / 2)] };
}

export const geometricMean = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);

export const round = (value, digits = 3) => Number(value.toFixed(digits));

/** Largest memory this process has had. getrusage would count what the parent had when it started this process. */
export function peakRssMiB() {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
  } catch {
    return process.resourceUsage().maxRSS / 1024;
  }
}
