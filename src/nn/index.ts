// Everything of this folder that others use.

export type { LayerCall, VariableSource } from './build.js';
export { dryVariables } from './build.js';
export { type NetworkOptions, network, type SequentialOptions, sequential } from './compose.js';
export { type FromConfigOptions, networkFromConfig } from './config.js';
export { type Constraint, type ConstraintOption, constraints } from './constraints.js';
export { Expression } from './expression.js';
export {
  type Initializer,
  type InitializerFunction,
  type InitializerName,
  type InitializerOption,
  initializers,
  initialValues,
} from './initializers.js';
export {
  type AnyLayerFactory,
  defineLayer,
  type Layer,
  type LayerContext,
  type LayerDefinition,
  type LayerFactory,
  type LayerOptions,
} from './layer.js';
export { type ActivationName, activationNames } from './layers/activation.js';
export { type LayerType, layerFactories, layers } from './layers/index.js';
export {
  batchLoss,
  type Loss,
  type LossExpression,
  type LossFunction,
  type LossName,
  type LossOption,
  losses,
  type Reduction,
  resolveLoss,
} from './losses.js';
export {
  type Metric,
  type MetricContext,
  type MetricFunction,
  type MetricMaker,
  type MetricName,
  type MetricOption,
  metrics,
  resolveMetric,
} from './metrics.js';
export { type BuildOptions, buildNetwork, dryBuild, Network, type NetworkCall, type NetworkInput } from './network.js';
export {
  type LearningRate,
  type Optimizer,
  type OptimizerName,
  type OptimizerOption,
  type OptimizerOptions,
  optimizers,
  type ParameterGroup,
  resolveOptimizer,
} from './optimizers.js';
export type { OptionReader } from './options.js';
export { type Regularizer, type RegularizerOption, regularizers } from './regularizers.js';
export { type Schedule, type ScheduleOption, schedules } from './schedules.js';
export { type DataFormat, type InputOptions, input, type SymbolicTensor } from './symbolic.js';
export type { WeightSetting } from './weight-options.js';
