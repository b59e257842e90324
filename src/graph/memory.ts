// Memory planner: gives every value of a program its place. Values that never live at the same time share bytes
// (greedy, lowest free offset, in the best of several orders); ops that may work in place do; reshapes cost nothing.

import type { GraphNode, GraphValue } from './graph.js';
import { alignment, alignUp, bytesOf, type Region } from './variables.js';

export interface Place {
  readonly region: Region;
  /** Bytes from the start of the region. */
  readonly offset: number;
}

export interface MemoryPlan {
  readonly places: ReadonlyMap<number, Place>;
  /** Offset in the arena of each op's scratch; 0 where it needs none. */
  readonly scratch: readonly number[];
  readonly arenaBytes: number;
}

/** Bytes of the arena that hold one or more values one after the other. Steps count from 0; -1 is before the first. */
export interface Storage {
  readonly bytes: number;
  readonly start: number;
  end: number;
  offset: number;
}

export interface PlanMemoryOptions {
  /** Values that must survive until the end (outputs) or are written before the run (inputs). */
  readonly keep: ReadonlySet<number>;
  /** Bytes of scratch per op, in order. */
  readonly scratchBytes: readonly number[];
  /** false: every value keeps its own place for the whole run, so that all can be looked at afterwards. */
  readonly share: boolean;
  /** So many first ops need not run every time: what others read of them lives for the whole run. */
  readonly prologue: number;
}

export function planMemory(
  nodes: readonly GraphNode[],
  inputs: readonly GraphValue[],
  options: PlanMemoryOptions,
): MemoryPlan {
  const { keep, scratchBytes, share, prologue } = options;
  const forever = nodes.length;
  const root = aliasRoots(nodes);
  const lastUse = lastUses(nodes, root, keep, forever, prologue);
  const storageOf = new Map<number, Storage>();
  const places = new Map<number, Place>();
  const all: Storage[] = [];
  const allocate = (bytes: number, start: number, end: number): Storage => {
    const storage = { bytes: alignUp(Math.max(bytes, 1)), start, end: share ? end : forever, offset: 0 };
    all.push(storage);
    return storage;
  };

  for (const input of inputs) storageOf.set(input.id, allocate(bytesOf(input), -1, forever));
  const scratch = nodes.map((node, step) => {
    node.outputs.forEach((output, index) => {
      if (root(output) !== output || output.variable) return;
      const end = Math.max(step, lastUse.get(output.id) ?? step);
      const reused = share ? inplaceStorage(node, index, step, root, storageOf, inputs) : undefined;
      if (reused) reused.end = Math.max(reused.end, end);
      storageOf.set(output.id, reused ?? allocate(bytesOf(output), step, end));
    });
    return scratchBytes[step] > 0 ? allocate(scratchBytes[step], step, step) : null;
  });
  const arenaBytes = assignOffsets(all);

  const values = [...inputs, ...nodes.flatMap((node) => [...node.inputs, ...node.outputs])];
  for (const value of values) {
    if (!value || places.has(value.id)) continue;
    const origin = root(value);
    const storage = storageOf.get(origin.id);
    if (origin.variable) places.set(value.id, { region: origin.variable.region, offset: origin.variable.offset });
    else if (storage) places.set(value.id, { region: 'arena', offset: storage.offset });
  }
  return { places, scratch: scratch.map((storage) => storage?.offset ?? 0), arenaBytes };
}

/** Follows reshapes to the value whose bytes are shown. */
function aliasRoots(nodes: readonly GraphNode[]): (value: GraphValue) => GraphValue {
  const origin = new Map<number, GraphValue>();
  for (const node of nodes) {
    const source = node.inputs[0];
    if (!node.op.alias || !source) continue;
    origin.set(node.outputs[0].id, origin.get(source.id) ?? source);
  }
  return (value) => origin.get(value.id) ?? value;
}

/** Last step that reads each root value, under any of its names. */
function lastUses(
  nodes: readonly GraphNode[],
  root: (value: GraphValue) => GraphValue,
  keep: ReadonlySet<number>,
  forever: number,
  prologue: number,
): Map<number, number> {
  const last = new Map<number, number>();
  const prepared = new Set(nodes.slice(0, prologue).flatMap((node) => node.outputs.map((output) => root(output).id)));
  nodes.forEach((node, step) => {
    for (const input of node.inputs) {
      if (!input) continue;
      const { id } = root(input);
      last.set(id, step >= prologue && prepared.has(id) ? forever : step);
    }
  });
  for (const node of nodes) {
    for (const output of node.outputs) if (keep.has(output.id)) last.set(root(output).id, forever);
  }
  return last;
}

/** The storage of an input that dies here and that the op may overwrite with output `index`. */
function inplaceStorage(
  node: GraphNode,
  index: number,
  step: number,
  root: (value: GraphValue) => GraphValue,
  storageOf: ReadonlyMap<number, Storage>,
  graphInputs: readonly GraphValue[],
): Storage | undefined {
  const taken = new Set(node.outputs.slice(0, index).map((output) => storageOf.get(output.id)));
  for (const [inputIndex, outputIndex] of node.op.inplace ?? []) {
    const input = node.inputs[inputIndex];
    if (outputIndex !== index || !input) continue;
    const origin = root(input);
    const storage = storageOf.get(origin.id);
    if (!storage || storage.end !== step || taken.has(storage) || graphInputs.includes(origin)) continue;
    const shared = node.inputs.some(
      (other, i) => i !== inputIndex && other && storageOf.get(root(other).id) === storage,
    );
    if (!shared && bytesOf(input) === bytesOf(node.outputs[index])) return storage;
  }
  return undefined;
}

type Order = (a: Storage, b: Storage) => number;

const lifetime = ({ start, end }: Storage): number => end - start + 1;

/** Orders in which storages are placed; none is best for every program. */
const orders: readonly Order[] = [
  (a, b) => b.bytes - a.bytes || a.start - b.start,
  (a, b) => b.end - a.end || b.bytes - a.bytes,
  (a, b) => lifetime(b) - lifetime(a) || b.bytes - a.bytes,
  (a, b) => b.bytes * lifetime(b) - a.bytes * lifetime(a) || a.start - b.start,
  (a, b) => a.start - b.start || b.bytes - a.bytes,
];

/** How often an order is mended, and the waste that is not worth another attempt. */
const attempts = 12;
const goodEnough = 1.01;

/**
 * Gives every storage the lowest offset that none alive at the same time covers. Tries some orders, and each of them
 * again with the storage that ended on top in front, until the total comes near the lower bound (`mostAlive`).
 * Returns the total.
 */
export function assignOffsets(storages: readonly Storage[]): number {
  const limit = goodEnough * mostAlive(storages);
  let best = { total: Number.POSITIVE_INFINITY, offsets: storages.map(() => 0) };
  for (const order of orders) {
    let queue = [...storages].sort(order);
    for (let attempt = 0; attempt < attempts && best.total > limit; attempt++) {
      const total = place(queue);
      if (total < best.total) best = { total, offsets: storages.map(({ offset }) => offset) };
      const top = queue.find(({ offset, bytes }) => offset + bytes === total);
      queue = [...queue.filter((storage) => storage === top), ...queue.filter((storage) => storage !== top)];
    }
  }
  storages.forEach((storage, i) => {
    storage.offset = best.offsets[i];
  });
  return Math.max(best.total, alignment);
}

/** The largest sum of bytes that live at the same time. */
export function mostAlive(storages: readonly Storage[]): number {
  const alive = (step: number) => storages.filter(({ start, end }) => start <= step && step <= end);
  const sums = [...new Set(storages.map(({ start }) => start))].map((step) =>
    alive(step).reduce((sum, { bytes }) => sum + bytes, 0),
  );
  return Math.max(0, ...sums);
}

/** Places storages one after the other. Returns the total. */
function place(storages: readonly Storage[]): number {
  const placed: Storage[] = [];
  let total = 0;
  for (const storage of storages) {
    let offset = 0;
    for (const other of placed) {
      const together = other.start <= storage.end && storage.start <= other.end;
      if (!together) continue;
      if (offset + storage.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    storage.offset = offset;
    total = Math.max(total, offset + storage.bytes);
    placed.push(storage);
    placed.sort((a, b) => a.offset - b.offset);
  }
  return total;
}
