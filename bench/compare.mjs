// Our process beside each peer's on the same network, batch and threads; `ratio` says how many times faster ours is.
// At the end the geometric mean over the networks for each peer, mode and batch.

import { contest } from './contest.mjs';
import { geometricMean, round } from './measure.mjs';
import { nets } from './nets/index.mjs';
import { batchesOf, ours } from './ours.mjs';
import { findPeer, peerNames } from './peers/index.mjs';

export async function run(options, print) {
  const peers = [];
  for (const name of options.peers ?? peerNames) {
    const peer = await findPeer(name, options);
    if (peer.absent) print({ bench: 'compare', peer: peer.name, absent: peer.absent });
    else peers.push(peer);
  }
  const lines = [];
  for (const mode of options.mode ?? ['train', 'infer']) {
    for (const peer of peers.filter((one) => !one.modes.includes(mode))) {
      print({
        bench: 'compare',
        mode,
        peer: peer.name,
        absent: `does no ${mode === 'train' ? 'training' : 'inference'}`,
      });
    }
    const able = peers.filter((peer) => peer.modes.includes(mode));
    for (const net of options.nets ?? Object.keys(nets)) {
      for (const batch of batchesOf(net, mode, options.batch)) {
        for (const threads of options.threads ?? [2]) {
          for (const line of await compareOne(able, { net, mode, batch, threads }, options)) {
            print(line);
            if (!line.absent) lines.push(line);
          }
        }
      }
    }
  }
  printMeans(lines, print);
}

/** Peers that use as many threads as asked for and those that know only one are compared with us at their number. */
async function compareOne(peers, { threads, ...what }, options) {
  const lines = [];
  for (const count of new Set(peers.map((peer) => Math.min(threads, peer.maxThreads)))) {
    const group = peers.filter((peer) => Math.min(threads, peer.maxThreads) === count);
    for (const peer of group.filter(({ serves }) => serves && !serves(what))) {
      lines.push({ bench: 'compare', ...what, threads: count, peer: peer.name, absent: 'a step takes minutes' });
    }
    const able = group.filter(({ serves }) => !serves || serves(what));
    if (able.length > 0) lines.push(...(await compareGroup(able, { ...what, threads: count }, options)));
  }
  return lines;
}

async function compareGroup(peers, task, options) {
  const { isa, winograd, seconds, rounds = 3 } = options;
  const own = ['native', ...(peers.some(({ besideFallback }) => besideFallback) ? ['typescript'] : [])];
  const mine = own.map((backend) => ours({ ...task, backend, isa, winograd, seconds }));
  const theirs = peers.flatMap((peer) => peer.contenders({ ...task, seconds }).map((entry) => ({ ...entry, peer })));
  const results = await contest([...mine, ...theirs], { rounds });
  const bestOf = peers.map((peer) =>
    bestResult(
      results.filter(({ contender }) => contender.peer === peer),
      peer,
    ),
  );
  const lines = results.slice(0, mine.length).flatMap((result) => {
    const visible = bestOf.filter(({ peer }) => result.contender.task.backend === 'native' || peer.besideFallback);
    return visible.map((theirResult) => lineOf(task, result, theirResult));
  });
  const rivals = lines.filter(({ absent, peer }) => !absent && /^(torch|onnxruntime) /.test(peer));
  const [fastest] = rivals.sort((a, b) => a.ratio - b.ratio);
  return rivals.length > 1
    ? [...lines, { ...fastest, peer: 'better of torch, onnxruntime', fastest: fastest.peer }]
    : lines;
}

/** The fastest variant of a peer that ran at all. */
function bestResult(results, peer) {
  const ran = results.filter(({ failed }) => failed === undefined).sort((a, b) => a.ms - b.ms);
  return { peer, ...(ran[0] ?? results[0]) };
}

function lineOf(task, own, theirs) {
  const { backend } = own.contender.task;
  const about = { bench: 'compare', ...task, backend, peer: theirs.name ?? theirs.peer.name };
  if (theirs.failed !== undefined) return { ...about, absent: theirs.failed };
  if (theirs.parameters !== undefined && theirs.parameters !== own.parameters) {
    return { ...about, absent: `has ${theirs.parameters} parameters where ours has ${own.parameters}` };
  }
  return {
    ...about,
    isa: own.isa,
    peerMs: round(theirs.ms),
    ms: round(own.ms),
    ratio: round(theirs.ms / own.ms),
    peerMedianMs: round(theirs.medianMs),
    medianMs: round(own.medianMs),
    ...(theirs.layout && { layout: theirs.layout }),
    quiet: own.quiet && theirs.quiet,
  };
}

function printMeans(lines, print) {
  const groups = new Map();
  for (const line of lines) {
    const { mode, peer, backend, threads } = line;
    const batch = mode === 'infer' ? line.batch : undefined;
    const key = JSON.stringify([mode, batch, threads, peer, backend]);
    const group = groups.get(key) ?? { about: { mode, batch, threads, backend, peer }, lines: [] };
    group.lines.push(line);
    groups.set(key, group);
  }
  for (const { about, lines: members } of groups.values()) {
    print({
      bench: 'compare',
      summary: 'geometric mean',
      ...about,
      nets: members.length,
      ratio: round(geometricMean(members.map(({ ratio }) => ratio))),
      quiet: members.every(({ quiet }) => quiet),
    });
  }
}
