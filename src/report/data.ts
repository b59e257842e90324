// What a report shows, as plain data: the page reads it, `collect.ts` makes it. Written as JSON into the page, so that
// the page needs nothing else. Numbers that are not finite become null in JSON: the page shows them as gaps.

/** A picture as a data URI (PNG or JPEG). */
export type PictureUri = string;

export interface ReportData {
  /** Of this format. */
  readonly version: 1;
  readonly title: string;
  /** ISO time. */
  readonly created: string;
  /** That the training still runs: the page listens to `events` on its server for newer data. */
  readonly live: boolean;
  readonly environment: Environment;
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly dataset: DatasetPanel;
  readonly curves: CurvesPanel;
  /** The best model on the images held back; absent while training runs, or where none were held back. */
  readonly evaluation?: EvaluationPanel;
  readonly layers: readonly LayerRow[];
  /** Images of the prediction whose time the layers tell; absent where none was timed. */
  readonly timedBatch?: number;
  readonly filters?: FiltersPanel;
  readonly featureMaps: readonly FeatureMapsOfImage[];
  readonly activationMaps: readonly ActivationMap[];
}

export interface Environment {
  readonly ocellus: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly backend: string;
  readonly isa?: string;
  readonly threads: number;
  readonly seed: number;
  /** Calls that make this run again. */
  readonly reproduce: readonly string[];
}

export interface DatasetPanel {
  readonly folder: string;
  readonly fingerprint: string;
  readonly classNames: readonly string[];
  /** Images of each class. */
  readonly trainCounts: readonly number[];
  readonly valCounts: readonly number[];
  readonly warnings: readonly string[];
  /** Some pictures as they are read, and as training sees them. */
  readonly samples: readonly { readonly picture: PictureUri; readonly trueClass: number }[];
  readonly augmented: readonly { readonly picture: PictureUri; readonly trueClass: number }[];
}

export interface CurvesPanel {
  /** Name of the metric that tells which epoch is the best: valAccuracy, or loss. */
  readonly monitor: string;
  /** From 1; absent before the first epoch has ended. */
  readonly bestEpoch?: number;
  /** Epochs that are planned. */
  readonly epochs: number;
  readonly points: readonly EpochPoint[];
}

export interface EpochPoint {
  /** From 1. */
  readonly epoch: number;
  readonly seconds: number;
  readonly learningRate: number;
  readonly imagesPerSecond: number;
  /** loss, accuracy, valLoss, valAccuracy and whatever else was asked for. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface EvaluationPanel {
  readonly samples: number;
  readonly accuracy: number;
  readonly loss: number;
  /** counts[true][predicted] */
  readonly confusion: readonly (readonly number[])[];
  readonly perClass: readonly {
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly support: number;
  }[];
  readonly reliability: {
    /** Of equal width from 0 to 1. */
    readonly bins: readonly { readonly confidence: number; readonly accuracy: number; readonly count: number }[];
    /** Mean distance of confidence and accuracy, weighted by count. */
    readonly expectedCalibrationError: number;
  };
  readonly mostConfused: readonly {
    readonly trueClass: number;
    readonly predictedClass: number;
    readonly count: number;
    /** Of the true class's images. */
    readonly rate: number;
  }[];
  /** All that the lists below and the cells of the confusion matrix show; cells show what is there of them. */
  readonly images: readonly ReportImage[];
  /** Places in `images`, highest loss first. */
  readonly topLosses: readonly number[];
  readonly rightAnswers: readonly number[];
}

export interface ReportImage {
  /** Of the file, from the data's folder. */
  readonly file: string;
  readonly picture: PictureUri;
  readonly trueClass: number;
  readonly predictedClass: number;
  /** Of the predicted class, and of the true one. */
  readonly probability: number;
  readonly trueProbability: number;
  readonly loss: number;
}

export interface LayerRow {
  readonly name: string;
  readonly type: string;
  readonly outputShape: readonly (number | null)[];
  readonly parameters: number;
  /** Multiply-adds for one image. */
  readonly macs: number;
  /** Side of the window of the input that one output sees; absent for dense layers. */
  readonly receptiveField?: number;
  /** Bytes of the output for one image. */
  readonly bytes: number;
  /** Of one prediction of `timedBatch` images; absent where no step carries the layer's name. */
  readonly milliseconds?: number;
  readonly algorithm?: string;
}

/** A range that colours or greys of pictures stand for: the first is the darkest (or bluest). */
export type Range = readonly [low: number, high: number];

export interface FiltersPanel {
  readonly layer: string;
  /** Of the weights, for all pictures of all snapshots; [-1, 1] of each filter's own largest weight where it is scaled. */
  readonly range: Range;
  /** A picture for each filter, at several epochs; colour filters (3 channels) as colours. */
  readonly snapshots: readonly { readonly epoch: number; readonly filters: readonly PictureUri[] }[];
  readonly verdicts: readonly FilterVerdict[];
}

/** What is odd about filters of a layer, in all convolutions of the network. */
export interface FilterVerdict {
  readonly layer: string;
  readonly filters: number;
  /** Filters whose maps are zero on all images looked at. */
  readonly dead: readonly number[];
  /** Pairs whose weights point the same way. */
  readonly duplicates: readonly (readonly [number, number, similarity: number])[];
}

export interface FeatureMapsOfImage {
  readonly picture: PictureUri;
  readonly label: string;
  readonly layers: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly range: Range;
    /** The maps side by side as one picture, `columns` a row; of the first `shown` filters. */
    readonly sheet: PictureUri;
    readonly shown: number;
    readonly columns: number;
  }[];
}

export interface ActivationMap {
  readonly picture: PictureUri;
  readonly label: string;
  readonly layer: string;
  /** The picture with the map over it. */
  readonly overlay: PictureUri;
  /** Of the map, before it was scaled to [0, 1]. */
  readonly range: Range;
  /** CSS colours of the overlay from low to high, for the legend. */
  readonly scale?: readonly string[];
  readonly targetClass: number;
  readonly probability: number;
  /** Mean share of the probability that is left while the strongest places are taken away, in steps: the lower, the more the map tells. */
  readonly deletionScore: number;
  /** Share of places taken away, and what is left of the probability. */
  readonly deletionCurve: readonly (readonly [share: number, probability: number])[];
}
