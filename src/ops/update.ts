// What the rows of all elementwise optimizers share. Parameters lie side by side in one long vector; `segments` cuts it
// where a rate, a decay or a scale of the gradient differs from parameter to parameter:
//   segments [S]     where each segment ends; the last one takes what is left
//   factors [S, 2]   of the learning rate and of the weight decay
//   scale [S] or [1] of the gradient (clipping by norm)
// Then for every element: g = clip(scale * gradient), the decay, and what the rule of the row makes of g.

import { sameShape, shapeText } from '../core/shape.js';
import {
  type AnyAttrs,
  type AnyOp,
  type AttrSchema,
  type AttrsOf,
  attr,
  type CaseInput,
  defineOp,
  floats,
  type InferContext,
  type OpCase,
  type OpDefinition,
} from './op.js';
import { atLeast, equalFloats, floatInput, floatOfShape, input } from './rules.js';

const sharedAttrs = {
  weightDecay: attr.float(0),
  /** 1: taken from the weight, times the rate (Loshchilov & Hutter 2019); 0: added to the gradient (L2). */
  decoupled: attr.int(1),
  /** Gradients are cut to [-clipValue, clipValue]. */
  clipValue: attr.float(Number.POSITIVE_INFINITY),
};

/** How element `i` moves along gradient `g`: writes the slots and returns what is taken from the weight. */
export type Move = (i: number, g: number, rate: number) => number;

type Floats = ReturnType<typeof floats>;

export interface UpdateRule<S extends AttrSchema> {
  name: string;
  /** State of each element besides the parameter. */
  slots: readonly string[];
  /** Numbers of this step besides the learning rate: a name and how many. */
  scalars?: readonly [name: string, count: number, meaning: string];
  attrs: S;
  /** The first output is the step at rate 1 instead of the parameter behind it; there is no learning rate. */
  direction?: boolean;
  validate?(context: InferContext<AttrsOf<S>>): void;
  rule(attrs: AttrsOf<S>, slots: readonly Floats[], updated: readonly Floats[], scalars: Floats): Move;
  cases: readonly OpCase[];
}

const capital = (name: string): string => name[0].toUpperCase() + name.slice(1);

/** The row of an elementwise optimizer. */
export function updateOp<const S extends AttrSchema>(rule: UpdateRule<S>): AnyOp {
  const { name, slots, scalars, direction = false } = rule;
  const tensors = ['parameter', 'gradient', ...slots];
  const numbers = [...(direction ? [] : ['learningRate']), ...(scalars ? [scalars[0]] : [])];
  const table = tensors.length + numbers.length;
  const definition: OpDefinition = {
    name,
    inputs: [...tensors, ...numbers, 'segments?', 'factors?', 'scale?'],
    outputs: [direction ? 'direction' : 'updatedParameter', ...slots.map((slot) => `updated${capital(slot)}`)],
    attrs: { ...sharedAttrs, ...rule.attrs },
    infer(context) {
      const spec = equalFloats(context, tensors);
      if (!direction) floatOfShape(context, tensors.length, 'learningRate', [1], 'one number');
      if (scalars) floatOfShape(context, table - 1, scalars[0], [scalars[1]], scalars[2]);
      const { weightDecay, clipValue } = context.attrs as AttrsOf<typeof sharedAttrs>;
      atLeast(context, 'weightDecay', weightDecay, 0);
      atLeast(context, 'clipValue', clipValue, 0);
      rule.validate?.(context as InferContext<AttrsOf<S>>);
      checkTable(context, table);
      return [spec, ...slots.map(() => spec)];
    },
    run({ inputs, outputs, attrs }) {
      const { weightDecay, decoupled, clipValue, ...own } = attrs as AttrsOf<typeof sharedAttrs>;
      const data = inputs.map(floats);
      const [updated, ...updatedSlots] = outputs.map(floats);
      const [parameter, gradient] = data;
      const [ends, factors, scale] = [data[table], data[table + 1], data[table + 2]];
      const move = rule.rule(
        own as unknown as AttrsOf<S>,
        data.slice(2, tensors.length),
        updatedSlots,
        data[table - 1],
      );
      forSegments(updated.length, ends, (begin, end, s) => {
        const rate = direction ? 1 : data[tensors.length][0] * (factors ? factors[2 * s] : 1);
        const decay = weightDecay * (factors ? factors[2 * s + 1] : 1);
        const shrink = decoupled && !direction ? rate * decay : 0;
        const l2 = decoupled ? 0 : decay;
        const times = scale ? scale[scale.length > 1 ? s : 0] : 1;
        for (let i = begin; i < end; i++) {
          const w = parameter[i];
          const g = Math.min(Math.max(gradient[i] * times, -clipValue), clipValue) + l2 * w;
          const step = move(i, g, rate);
          updated[i] = direction ? step : w - shrink * w - step;
        }
      });
    },
    inplace: [...(direction ? [] : [[0, 0] as const]), ...slots.map((_, i) => [i + 2, i + 1] as const)],
    cases: rule.cases,
  };
  return defineOp(definition);
}

/** Calls `body` for the elements of each segment. */
export function forSegments(
  count: number,
  ends: ArrayLike<number> | undefined,
  body: (begin: number, end: number, segment: number) => void,
): void {
  let begin = 0;
  for (let s = 0; s < (ends?.length ?? 1); s++) {
    const last = !ends || s === ends.length - 1;
    const end = last ? count : Math.min(count, Math.max(begin, ends[s]));
    body(begin, end, s);
    begin = end;
  }
}

/** How many segments the optional input `index` cuts a vector into. */
export function segmentCount(context: InferContext, index: number): number {
  if (!context.inputs[index]) return 1;
  const { shape } = input(context, index, 'segments', 'int32', 1);
  if (shape[0] === 0) context.fail("'segments' with at least one end", shapeText(shape));
  return shape[0];
}

function checkTable(context: InferContext, at: number): void {
  const count = segmentCount(context, at);
  if (context.inputs[at + 1]) floatOfShape(context, at + 1, 'factors', [count, 2], 'two for each segment');
  if (!context.inputs[at + 2]) return;
  const { shape } = floatInput(context, at + 2, 'scale');
  if (sameShape(shape, [1]) || sameShape(shape, [count])) return;
  context.fail(`'scale' of shape [1] or [${count}]`, shapeText(shape));
}

const rate: CaseInput = { shape: [1], values: [0.1] };

/** The cases of a row: what all options do, with sizes that fill no vector. `slots` and `scalars` as the rule needs them. */
export function updateCases(
  slots: readonly CaseInput['values'][],
  scalars: CaseInput | null,
  special: Readonly<Record<string, AnyAttrs>> = {},
  direction = false,
): OpCase[] {
  const make = (
    name: string,
    shape: readonly number[],
    attrs: AnyAttrs,
    table: readonly (CaseInput | null)[],
  ): OpCase => ({
    name,
    inputs: [
      { shape },
      { shape },
      ...slots.map((values) => ({ shape, values })),
      ...(direction ? [] : [rate]),
      ...(scalars ? [scalars] : []),
      ...table,
    ],
    attrs,
  });
  const ends: CaseInput = { shape: [4], dtype: 'int32', values: [5, 21, 21, 64] };
  const factors: CaseInput = { shape: [4, 2], values: [1, 1, 0.5, 0, 1, 2, 0, 1] };
  const scale: CaseInput = { shape: [4], values: [1, 0.25, 3, 0.5] };
  return [
    make('matrix', [7, 11], {}, []),
    make('decoupled weight decay', [3, 3, 2, 5], { weightDecay: 0.05 }, []),
    make('L2', [5, 13], { weightDecay: 0.05, decoupled: 0 }, []),
    make('clipped', [67], { clipValue: 0.3 }, [null, null, { shape: [1], values: [0.5] }]),
    make('segments', [101], { weightDecay: 0.05 }, [ends, factors, scale]),
    make('segments with L2', [67], { weightDecay: 0.05, decoupled: 0, clipValue: 1 }, [ends, factors]),
    make('one element', [1], {}, []),
    make('no element', [0], {}, []),
    ...Object.entries(special).map(([name, attrs]) => make(name, [83], attrs, [])),
  ];
}
