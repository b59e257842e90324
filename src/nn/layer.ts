// What a layer is: a named recipe that emits ops. It sees values and shapes, never data and never a backend; its weights
// are declared through the context, so that one layer object can serve any number of graphs.

import type { ErrorCode } from '../core/errors.js';
import type { AnyAttrs, AnyOp, Emitter, Value } from '../ops/op.js';
import type { Initializer, StatisticStart } from './initializers.js';
import { completeOptions, jsonOf, OptionReader, optionError, quoted } from './options.js';
import { type Regularizer, type RegularizerOption, resolveRegularizer } from './regularizers.js';
import { applySymbolic, type SymbolicTensor } from './symbolic.js';
import type { WeightSetting } from './weight-options.js';

/** What a layer may do while it is built into a graph. */
export interface LayerContext extends Emitter {
  /** true in a training step: dropout drops, batch normalization uses the batch. */
  readonly training: boolean;
  /** Path of the layer in the network: `stem/conv2d_1`. */
  readonly path: string;
  /** What error messages start with: `conv2d 'stem/conv2d_1'`. */
  readonly where: string;
  /** false: the layer's weights are frozen. */
  readonly trainable: boolean;
  /** Number of this layer's random stream, stable between runs; differs from one application of a shared layer to the next. */
  readonly salt: number;
  /**
   * The weight `name` ('kernel', 'bias'): float32, trained unless the layer is frozen; with a setting also its
   * regularizer and constraint.
   */
  weight(name: string, shape: readonly number[], from: Initializer | WeightSetting): Value;
  /** A running statistic ('movingMean'): float32, saved with the model, not trained. It starts as a number, a list, … */
  statistic(name: string, shape: readonly number[], start: StatisticStart): Value;
  /** Emits `op` and writes its first output to a statistic. */
  update(statistic: Value, op: string, inputs: readonly Value[], attrs?: AnyAttrs): void;
  /** Adds a single number to the loss of training and evaluation; predictions leave it out. */
  addLoss(value: Value): void;
  /** Samples in the batch of the network: what a sum over a batch is divided by. */
  readonly samples: number;
  /** int32 [2] (seed, step), another one in every training step. */
  seed(): Value;
  /** Emits an op, by its name or by its row from `defineOp`; its first output. */
  op(op: string | AnyOp, inputs: readonly (Value | null)[], attrs?: AnyAttrs): Value;
  /** Runs another layer inside this one; its weights lie under this path and `name`. */
  layer(layer: Layer, inputs: readonly Value[], name: string): Value;
  /** Throws: `<layer>: expected …, got …`. */
  fail(expected: string, got: unknown, help?: string, code?: ErrorCode): never;
}

/** A layer: its type, its options, and how it emits itself. Made by a factory (`layers.conv2d({ … })`). */
export interface Layer {
  /** Which factory made it: 'conv2d'. */
  readonly type: string;
  /** The name given; undefined: every network it is part of names it (`conv2d`, `conv2d_1`, …). */
  readonly name: string | undefined;
  /** Options as JSON: all that is needed to make the layer again. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Shape of one sample (no batch axis) when the layer stands first. */
  readonly inputShape: readonly number[] | undefined;
  /** false freezes the weights (and puts batch normalization into inference mode) in graphs built from now on. */
  trainable: boolean;
  /** true: the layer takes int32 and uint8 as they are; others get them converted to float32 first. */
  readonly anyDtype: boolean;
  /** How many inputs it takes. */
  readonly arity: LayerArity;
  /** What the output costs, per sample of the batch. */
  readonly activityRegularizer?: Regularizer | null;
  /** Layers inside this one, by the names they have here; undefined: none. */
  readonly layers?: readonly NamedLayer[];
  call(context: LayerContext, inputs: readonly Value[]): Value;
  /** Functional composition: the symbol of this layer's output. */
  apply(inputs: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor;
}

/** A layer and the name it has where it lies. */
export interface NamedLayer {
  readonly name: string;
  readonly layer: Layer;
}

/** A fixed number, or 'many': one or more. */
export type LayerArity = number | 'many';

/** Options that every layer takes. */
export interface LayerOptions {
  /** Name in the network and front part of its weights' names. Default: the type, counted per network. */
  name?: string;
  /** false: the weights stay as they are. Default true. */
  trainable?: boolean;
  /** Shape of one sample, without the batch axis; only on the first layer of a sequential network. */
  inputShape?: readonly number[];
  /**
   * What the layer's output costs: its value for the whole output, divided by the number of samples, is added to the loss,
   * as in Keras. Default none.
   */
  activityRegularizer?: RegularizerOption | null;
}

type OwnOptions<Options> = Exclude<keyof Options, keyof LayerOptions>;

export interface LayerDefinition<
  Options extends LayerOptions,
  Settings,
  Alias extends keyof Options = never,
  Members extends object = object,
> {
  /** camelCase and unique: 'conv2d'. Layer names and saved files go by it. */
  readonly type: string;
  /** Every option of the layer with its default (undefined: none). Others are refused. */
  readonly options: { readonly [K in Exclude<OwnOptions<Options>, Alias>]-?: Options[K] | undefined };
  /** Other names of options: `{ alpha: 'negativeSlope' }`. */
  readonly aliases?: Readonly<Record<Alias, keyof Options>>;
  /** Default 1. */
  readonly arity?: LayerArity;
  readonly anyDtype?: boolean;
  /** The options whose value is a layer, of one input. */
  readonly inner?: readonly (keyof Options & string)[];
  /** Checks the options, defaults filled in, and brings them into the form that `call` wants. */
  parse(options: OptionReader): Settings;
  /** Emits the layer. Inputs and output have the batch as their first axis. */
  call(context: LayerContext, inputs: readonly Value[], settings: Settings): Value;
  /** What layers of this type have besides: methods that change their settings before they are built. */
  members?(settings: Settings): Members;
}

// biome-ignore lint/complexity/noBannedTypes: {} is the test for "no option is required"
type FactoryArguments<Options> = {} extends Options ? [options?: Options] : [options: Options];

/** Makes layers of one type. */
export interface LayerFactory<Options extends LayerOptions = LayerOptions, Members extends object = object> {
  (...args: FactoryArguments<Options>): Layer & Members;
  readonly type: string;
  /** The options whose value is a layer. */
  readonly inner: readonly string[];
}

/** A factory whose options are not known statically. */
// biome-ignore lint/suspicious/noExplicitAny: factories of all options stand in one table
export type AnyLayerFactory = LayerFactory<any>;

/**
 * Makes a layer type: our own layers and those of users are made the same way.
 *
 * @example
 * const scale = defineLayer<{ by: number } & LayerOptions, { by: number }>({
 *   type: 'scale',
 *   options: { by: undefined },
 *   parse: (options) => ({ by: options.number('by') }),
 *   call: (context, [x], { by }) => context.op('rescale', [x], { scale: by, offset: 0 }),
 * });
 * sequential([scale({ by: 2 }), layers.dense({ units: 1 })]);
 */
export function defineLayer<
  Options extends LayerOptions,
  Settings,
  Alias extends keyof Options = never,
  Members extends object = object,
>(definition: LayerDefinition<Options, Settings, Alias, Members>): LayerFactory<Options, Members> {
  const factory = (...args: FactoryArguments<Options>): Layer & Members => makeLayer(definition, args[0]);
  const { type, inner = [] } = definition;
  return Object.assign(factory as LayerFactory<Options, Members>, { type, inner });
}

const commonOptions = { name: undefined, trainable: true, inputShape: undefined, activityRegularizer: null };

function makeLayer<Options extends LayerOptions, Settings, Alias extends keyof Options, Members extends object>(
  definition: LayerDefinition<Options, Settings, Alias, Members>,
  given: Options | undefined,
): Layer & Members {
  const { type, arity = 1, anyDtype = false, inner = [] } = definition;
  const where = typeof given?.name === 'string' ? `${type} '${given.name}'` : type;
  const own = completeOptions(where, renamed(given, definition.aliases), { ...definition.options, ...commonOptions });
  const reader = new OptionReader(where, own);
  const name = reader.name();
  const inputShape = reader.has('inputShape') ? reader.integers('inputShape', { min: 1 }) : undefined;
  const trainable = reader.boolean('trainable');
  const layers = inner.map((option) => {
    checkLayer(reader.raw(option), `${where}, option '${option}'`);
    return named(reader.raw(option) as Layer);
  });
  const settings = definition.parse(reader);
  const { name: _, trainable: __, inputShape: ___, activityRegularizer, ...options } = own;
  const activity = activityRegularizer === null ? {} : { activityRegularizer };
  const layer: Layer = {
    type,
    name,
    get config() {
      const described = inner.map((option, i) => [option, describeLayer(layers[i])]);
      return jsonOf({ ...options, ...activity, ...Object.fromEntries(described) });
    },
    inputShape,
    trainable,
    anyDtype,
    arity,
    activityRegularizer: resolveRegularizer(`${where}, option 'activityRegularizer'`, activityRegularizer),
    ...(layers.length > 0 && { layers }),
    call: (context, inputs) => definition.call(context, inputs, settings),
    apply: (inputs) => applySymbolic(layer, inputs),
  };
  return Object.assign(layer, definition.members?.(settings) ?? ({} as Members));
}

const named = (layer: Layer): NamedLayer => ({ name: layer.name ?? layer.type, layer });

/** A layer as JSON, as networks and layers around others keep it. */
export function describeLayer({ name, layer }: NamedLayer): Record<string, unknown> {
  return { name, type: layer.type, config: layer.config, trainable: layer.trainable };
}

/** Throws unless `layer` is a layer that takes one input. */
export function checkLayer(layer: unknown, where: string): void {
  const known = layer as Layer | null | undefined;
  if (typeof known === 'object' && typeof known?.call === 'function' && typeof known.type === 'string') {
    if (known.arity === 1 || known.arity === 'many') return;
    throw optionError(where, 'a layer with one input', `${known.type}, which takes ${known.arity}`);
  }
  const help = typeof layer === 'function' ? 'call the factory: layers.flatten(), not layers.flatten' : undefined;
  throw optionError(
    where,
    'a layer, made by a factory of `layers`',
    typeof layer === 'function' ? 'a function' : quoted(layer),
    help,
  );
}

function renamed<T extends object>(
  given: T | undefined,
  aliases: Readonly<Record<PropertyKey, PropertyKey>> = {},
): T | undefined {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [aliases[name] ?? name, value])) as T;
}
