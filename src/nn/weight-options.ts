// The options that every weight of a layer has: how it begins, what it costs, where it must stay.

import { type Constraint, type ConstraintOption, resolveConstraint } from './constraints.js';
import { type Initializer, type InitializerOption, resolveInitializer } from './initializers.js';
import type { OptionReader } from './options.js';
import { type Regularizer, type RegularizerOption, resolveRegularizer } from './regularizers.js';

/** What is settled for a weight. */
export interface WeightSetting {
  readonly initializer: Initializer;
  readonly regularizer: Regularizer | null;
  readonly constraint: Constraint | null;
}

/** `WeightOptions<'kernel' | 'bias'>`: kernelInitializer, kernelRegularizer, kernelConstraint, biasInitializer, … */
export type WeightOptions<Name extends string> = {
  [K in `${Name}Initializer`]?: InitializerOption;
} & {
  [K in `${Name}Regularizer`]?: RegularizerOption | null;
} & {
  [K in `${Name}Constraint`]?: ConstraintOption | null;
};

/** The defaults of those options, for the table of a layer. */
export function weightDefaults<const Name extends string, const I extends InitializerOption>(
  name: Name,
  initializer: I,
): { [K in `${Name}Initializer`]: I } & { [K in `${Name}Regularizer` | `${Name}Constraint`]: null } {
  const options = { [`${name}Initializer`]: initializer, [`${name}Regularizer`]: null, [`${name}Constraint`]: null };
  return options as ReturnType<typeof weightDefaults<Name, I>>;
}

/** Reads the options of the weight `name` of a layer. */
export function readWeight(options: OptionReader, name: string): WeightSetting {
  const where = (kind: string): string => `${options.where}, option '${name}${kind}'`;
  return {
    initializer: resolveInitializer(where('Initializer'), options.raw(`${name}Initializer`)),
    regularizer: resolveRegularizer(where('Regularizer'), options.raw(`${name}Regularizer`)),
    constraint: resolveConstraint(where('Constraint'), options.raw(`${name}Constraint`)),
  };
}
