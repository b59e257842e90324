// The public face of Ocellus. Importing it loads no addon, starts no thread, reads no file.

export { diffBackends } from './backend/diff.js';
export type { StepTime } from './backend/profile.js';
export { type BackendChoice, type BackendInfo, backendInfo } from './backend/select.js';
export type { DType, TensorView } from './core/dtype.js';
export { type ErrorCode, OcellusError } from './core/errors.js';
export { Random } from './core/random.js';
export type { TensorInput } from './data/array.js';
export * as augment from './data/augment/index.js';
export { Augmentation } from './data/augment/step.js';
export {
  type Cifar10,
  type Cifar100Options,
  decodeCifar10,
  decodeCifar100,
  loadCifar10,
  readCifar10,
  readCifar100,
} from './data/cifar.js';
export { type CsvData, type CsvOptions, decodeCsv, readCsv } from './data/csv.js';
export { ArrayDataset, type Batch, type Dataset, type ModelData, type SampleWeight } from './data/dataset.js';
export type { ImageBatch, ImageSample, ReadImagesOptions, SkippedImage } from './data/decoding.js';
export { loadDigits } from './data/digits.js';
export { decodeIdx, type LabelledImages, type LabelledSplit, loadMnist, readIdx } from './data/idx.js';
export { type DecodedImage, type DecodeImageOptions, decodeImage } from './data/image.js';
export { type ImageFolder, type ImageFolderOptions, imageFolder } from './data/image-folder.js';
export type { ImageFormat } from './data/image-format.js';
export { ImageSet } from './data/image-set.js';
export * as data from './data/index.js';
export { decodeNpy, encodeNpy, readNpy, writeNpy } from './data/npy.js';
export { decodeNpz, encodeNpz, type NpzOptions, readNpz, writeNpz } from './data/npz.js';
export { type ParquetImages, type ParquetImagesOptions, type ParquetRow, parquetImages } from './data/parquet.js';
export { type MapOptions, Pipeline, type ShuffleOptions } from './data/pipeline.js';
export type { Place } from './data/run.js';
export type { Slice, SourceOptions } from './data/sources.js';
export type { BatchStageOptions, Stacked } from './data/stack.js';
export * as explain from './explain/index.js';
export { type Plan, planToText } from './graph/plan.js';
export { readSafetensors, writeSafetensors } from './io/safetensors.js';
export type { ModelWeight, PlanOptions } from './model/built.js';
export type { CompileOptions } from './model/compile.js';
export { type ModelOptions, model, type Predictions, sequential } from './model/compose.js';
export type { CustomObject, CustomObjects } from './model/custom.js';
export type { GradientCheck, GradientCheckOptions, MemoryNeed } from './model/inspect.js';
export { type LoadOptions, load } from './model/load.js';
export { Model } from './model/model.js';
export type { PredictOptions } from './model/predict.js';
export type { PredictImageOptions } from './model/predict-image.js';
export type { ImagePrediction, PreprocessingOptions } from './model/preprocessing.js';
export type { ProbeOptions, ProbeResult } from './model/probe.js';
export { formatProfile, type ProfileTextOptions } from './model/profile.js';
export type { LayerSummary, SummaryOptions } from './model/summary.js';
export { Tensor } from './model/tensor.js';
export { type Gradients, type StepLogs, Trainer } from './model/trainer.js';
export {
  type Constraint,
  type ConstraintOption,
  constraints,
  defineLayer,
  Expression,
  type Initializer,
  type InitializerOption,
  type InputOptions,
  initializers,
  input,
  type Layer,
  type LayerContext,
  type LayerDefinition,
  type LayerOptions,
  type Loss,
  type LossExpression,
  type LossFunction,
  type LossOption,
  layers,
  losses,
  type Metric,
  type MetricContext,
  type MetricFunction,
  type MetricMaker,
  type MetricOption,
  metrics,
  Network,
  type Optimizer,
  type OptimizerOption,
  type OptimizerOptions,
  optimizers,
  type ParameterGroup,
  type Regularizer,
  type RegularizerOption,
  regularizers,
  type Schedule,
  type ScheduleOption,
  type SequentialOptions,
  type SymbolicTensor,
  schedules,
} from './nn/index.js';
export * as ops from './ops/image.js';
export { defineOp, type OpDefinition, type Value } from './ops/op.js';
export { type ConfusionMatrix, formatConfusion } from './report/confusion.js';
export {
  type Answer,
  type ClassScores,
  type Confusion,
  Interpretation,
  type InterpretOptions,
  interpret,
  type Reliability,
  type SeenSample,
} from './report/interpret.js';
export * as callbacks from './train/callbacks/index.js';
export type * from './train/events.js';
export type { EvaluateOptions, FitOptions, ValidationData } from './train/options.js';
export type { Mode } from './train/program.js';
export type { FindLearningRateOptions, LearningRates } from './train/rate-finder.js';
export type { ClassWeight, WeightingOptions } from './train/weighting.js';
export { type BackboneName, type BackboneOptions, backboneNames, createModel } from './zoo/backbones.js';
