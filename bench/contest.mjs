// Contenders in turns, each turn in a process of its own, so that slow drifts of the machine meet all of them alike.

import { bestAndMedian } from './measure.mjs';
import { quietGate } from './quiet.mjs';

/** Behind the best of its group by this factor after a round, a contender takes no further part. */
const hopeless = 1.2;

/**
 * Runs every contender `rounds` times and puts its times together.
 *
 * @param contenders `run()` resolves with { times, … }; `threads` and `isa` choose the quiet gate. Of contenders with one
 *   `group` only the best matters: they are variants of the same thing. `mayFail`: a rejection is a result.
 * @returns per contender what it gave back last, with ms, medianMs, quiet and the largest peakRssMiB; or { failed }
 */
export async function contest(contenders, { rounds, tries = 2 }) {
  const entries = contenders.map((contender) => ({
    contender,
    gate: quietGate(contender.isa, contender.threads),
    attempts: [],
    failed: null,
  }));
  for (let turn = 0; turn < rounds; turn++) {
    for (const entry of entries) if (takesPart(entry, entries)) await play(entry, tries);
  }
  return entries.map(settle);
}

/** Only undisturbed times may end a contender's part: one unlucky turn must not hide a peer's better variant. */
function quietBest({ gate, attempts }) {
  const quiet = attempts.filter((attempt) => gate.isQuiet(attempt));
  return Math.min(...quiet.flatMap(({ value }) => value.times));
}

function takesPart(entry, entries) {
  const { contender, failed } = entry;
  if (failed !== null) return false;
  const best = quietBest(entry);
  if (contender.group === undefined || best === Number.POSITIVE_INFINITY) return true;
  const rivals = entries.filter((other) => other.contender.group === contender.group);
  return rivals.every((rival) => best <= hopeless * quietBest(rival));
}

async function play(entry, tries) {
  try {
    entry.attempts.push(...(await entry.gate.attempt(entry.contender.run, tries)));
  } catch (error) {
    if (!entry.contender.mayFail) throw error;
    entry.failed = error.message;
  }
}

function settle({ contender, gate, attempts, failed }) {
  if (failed !== null) return { contender, failed };
  const { values, quiet } = gate.settle(attempts);
  const { times: _, ...last } = values.at(-1);
  const peakRssMiB = Math.max(...values.map((value) => value.peakRssMiB));
  return { contender, ...last, ...bestAndMedian(values.flatMap(({ times }) => times)), peakRssMiB, quiet };
}
