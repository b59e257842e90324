// A report as a run would make it: ten classes, twenty epochs, a network of three blocks.

import { Random } from '../../src/core/random.js';
import type { EpochPoint, EvaluationPanel, LayerRow, ReportData, ReportImage } from '../../src/report/data.js';
import { between, filter, overlay, photo, sheet } from './pictures.js';

export const classNames = ['badger', 'beetle', 'finch', 'fox', 'frog', 'heron', 'lynx', 'newt', 'otter', 'wren'];
const supports = [104, 98, 101, 100, 99, 97, 103, 100, 96, 102];
const mistakes: readonly (readonly [from: number, to: number, count: number])[] = [
  ...[
    [0, 8, 9],
    [0, 6, 3],
    [1, 4, 2],
    [2, 9, 14],
    [2, 5, 4],
    [3, 6, 7],
    [3, 0, 2],
    [4, 7, 11],
  ],
  ...[
    [5, 2, 5],
    [6, 3, 8],
    [7, 4, 12],
    [7, 1, 3],
    [8, 0, 6],
    [9, 2, 10],
    [9, 5, 1],
  ],
] as never;

const confusion = supports.map((support, from) => {
  const row = new Array<number>(supports.length).fill(0);
  for (const [a, b, count] of mistakes) if (a === from) row[b] = count;
  row[from] = support - row.reduce((sum, count) => sum + count, 0);
  return row;
});

function perClass(matrix: readonly (readonly number[])[]): EvaluationPanel['perClass'] {
  return matrix.map((row, index) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    const predicted = matrix.reduce((sum, other) => sum + other[index], 0);
    const [precision, recall] = [row[index] / predicted, row[index] / support];
    return { precision, recall, f1: (2 * precision * recall) / (precision + recall), support };
  });
}

export function epochPoints(epochs: number, random = new Random(3)): EpochPoint[] {
  return Array.from({ length: epochs }, (_, i) => {
    const progress = 1 - Math.exp(-i / 5);
    const overfit = Math.max(0, i - 13) * 0.012;
    return {
      epoch: i + 1,
      seconds: between(random, 6.1, 6.6),
      learningRate: 0.003 * 0.5 * (1 + Math.cos((Math.PI * i) / epochs)) + 1e-5,
      imagesPerSecond: between(random, 1350, 1460),
      metrics: {
        loss: 2.3 - 2.1 * progress + between(random, -0.02, 0.02),
        accuracy: 0.12 + 0.85 * progress + between(random, -0.01, 0.01),
        valLoss: 2.25 - 1.85 * progress + overfit + between(random, -0.05, 0.05),
        valAccuracy: 0.14 + 0.76 * progress - overfit / 2 + between(random, -0.01, 0.01),
      },
    };
  });
}

async function reportImages(random: Random): Promise<ReportImage[]> {
  const wrong = mistakes.flatMap(([from, to, count]) => Array.from({ length: Math.min(count, 2) }, () => [from, to]));
  const right = classNames.map((_, index) => [index, index]);
  return Promise.all(
    [...wrong, ...right].map(async ([trueClass, predictedClass], place) => {
      const isRight = trueClass === predictedClass;
      const probability = between(random, isRight ? 0.85 : 0.6, 0.999);
      const trueProbability = isRight ? probability : (1 - probability) * 0.3;
      return {
        file: `val/${classNames[trueClass]}/${String(1000 + place)}.jpg`,
        picture: await photo(isRight ? trueClass : predictedClass, random),
        trueClass,
        predictedClass,
        probability,
        trueProbability,
        loss: -Math.log(trueProbability),
      };
    }),
  );
}

async function evaluationPanel(random: Random): Promise<EvaluationPanel> {
  const images = await reportImages(random);
  const places = images.map((_, place) => place);
  const isRight = (place: number) => images[place].trueClass === images[place].predictedClass;
  const counts = [0, 0, 4, 12, 31, 58, 92, 121, 190, 492];
  const samples = supports.reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, index) => sum + row[index], 0);
  return {
    samples,
    accuracy: right / samples,
    loss: 0.412,
    confusion,
    perClass: perClass(confusion),
    reliability: {
      bins: counts.map((count, i) => ({ confidence: (i + 0.55) / 10, accuracy: Math.max(0, (i + 0.1) / 10.4), count })),
      expectedCalibrationError: 0.034,
    },
    mostConfused: [...mistakes]
      .map(([trueClass, predictedClass, count]) => ({
        trueClass,
        predictedClass,
        count,
        rate: count / supports[trueClass],
      }))
      .sort((a, b) => b.count - a.count),
    images,
    topLosses: places
      .filter((place) => !isRight(place))
      .sort((a, b) => images[b].loss - images[a].loss)
      .slice(0, 16),
    rightAnswers: places.filter(isRight),
  };
}

function layerRows(): LayerRow[] {
  const conv = (
    name: string,
    side: number,
    channels: number,
    from: number,
    algorithm: string,
    milliseconds: number,
  ) => ({
    ...{ name, type: 'conv2d', outputShape: [null, side, side, channels], parameters: 9 * from * channels + channels },
    ...{ macs: 9 * from * channels * side * side, receptiveField: 64 / side + 1, bytes: 4 * side * side * channels },
    ...{ milliseconds, algorithm },
  });
  const pool = (name: string, side: number, channels: number) => ({
    ...{ name, type: 'maxPooling2d', outputShape: [null, side, side, channels], parameters: 0, macs: 0 },
    ...{ receptiveField: 64 / side, bytes: 4 * side * side * channels, milliseconds: 0.21 },
  });
  return [
    conv('conv1', 32, 32, 3, 'pixels', 2.4),
    {
      ...{ name: 'norm1', type: 'batchNormalization', outputShape: [null, 32, 32, 32], parameters: 128 },
      ...{ macs: 32768, bytes: 131072 },
    },
    pool('pool1', 16, 32),
    conv('conv2', 16, 64, 32, 'Winograd F(4x4, 3x3)', 3.9),
    pool('pool2', 8, 64),
    conv('conv3', 8, 128, 64, 'Winograd F(4x4, 3x3)', 3.1),
    {
      name: 'pool',
      type: 'globalAveragePooling2d',
      outputShape: [null, 128],
      parameters: 0,
      macs: 8192,
      bytes: 512,
      milliseconds: 0.05,
    },
    {
      name: 'dense',
      type: 'dense',
      outputShape: [null, 10],
      parameters: 1290,
      macs: 1280,
      bytes: 40,
      milliseconds: 0.03,
    },
  ];
}

const colours = ['#30123b', '#4686fb', '#1ae4b6', '#a2fc3c', '#faba39', '#e4460a', '#7a0403'];

async function explanations(random: Random): Promise<Pick<ReportData, 'filters' | 'featureMaps' | 'activationMaps'>> {
  const chosen = [2, 4, 7];
  const snapshot = async (epoch: number) => ({
    epoch,
    filters: await Promise.all(Array.from({ length: 32 }, (_, i) => filter(i, epoch / 20, new Random(i)))),
  });
  const mapsOf = async (name: string, size: number, channels: number) => ({
    ...{
      name,
      shape: [size, size, channels],
      range: [0, between(random, 1, 6)] as const,
      shown: Math.min(32, channels),
      columns: 8,
    },
    sheet: await sheet(Math.min(32, channels), 8, size),
  });
  const layers = await Promise.all([
    mapsOf('conv1', 32, 32),
    mapsOf('pool1', 16, 32),
    mapsOf('conv2', 16, 64),
    mapsOf('conv3', 8, 128),
  ]);
  return {
    filters: {
      layer: 'conv1',
      range: [-0.412, 0.398],
      snapshots: await Promise.all([0, 1, 5, 20].map(snapshot)),
      verdicts: [
        { layer: 'conv1', filters: 32, dead: [11, 29], duplicates: [[4, 20, 0.993]] },
        { layer: 'conv2', filters: 64, dead: [], duplicates: [] },
        { layer: 'conv3', filters: 128, dead: [3], duplicates: [] },
      ],
    },
    featureMaps: await Promise.all(
      chosen.map(async (kind) => ({
        picture: await photo(kind, random),
        label: `${classNames[kind]}: val/${classNames[kind]}/1.jpg`,
        layers,
      })),
    ),
    activationMaps: await Promise.all(
      chosen.map(async (kind) => ({
        ...{
          picture: await photo(kind, random),
          label: `val/${classNames[kind]}/1.jpg`,
          layer: 'conv3',
          overlay: await overlay(kind),
        },
        ...{ range: [0, 3.71] as const, scale: colours, targetClass: kind, probability: 0.97, deletionScore: 0.213 },
        deletionCurve: Array.from({ length: 11 }, (_, i) => [i / 10, 0.97 * Math.exp(-i / 1.8)] as const),
      })),
    ),
  };
}

/** Everything there is to show; the same in every call. */
export async function typicalReport(): Promise<ReportData> {
  const random = new Random(7);
  const samples = await Promise.all(
    classNames.map(async (_, trueClass) => ({ picture: await photo(trueClass, random), trueClass })),
  );
  const augmented = await Promise.all(
    classNames.map(async (_, trueClass) => ({ picture: await photo(trueClass, random), trueClass })),
  );
  return {
    version: 1,
    title: 'Forest animals, runs/train3',
    created: '2026-11-20T18:30:00.000Z',
    live: false,
    environment: {
      ...{
        ocellus: '0.1.0',
        node: '20.20.2',
        platform: 'linux x64',
        cpu: 'AMD EPYC 7B13, 2 cores',
        backend: 'native',
        isa: 'avx2',
      },
      ...{ threads: 2, seed: 42 },
      reproduce: ['npm install ocellus@0.1.0 sharp', 'npx ocellus train ./forest --model small --epochs 20 --seed 42'],
    },
    settings: {
      model: 'small',
      imageSize: 32,
      batchSize: 64,
      epochs: 20,
      learningRate: 0.003,
      augmentation: 'flip, shift, colour',
      mixUp: false,
    },
    dataset: {
      ...{ folder: './forest', fingerprint: 'sha256:5f3c9a17e2b4', classNames, valCounts: supports },
      trainCounts: [930, 880, 912, 901, 410, 899, 925, 904, 866, 921],
      warnings: [
        '3 files could not be read and were left out',
        'frog has less than half the images of the other classes',
      ],
      samples,
      augmented,
    },
    curves: { monitor: 'valAccuracy', bestEpoch: 16, epochs: 20, points: epochPoints(20) },
    evaluation: await evaluationPanel(random),
    layers: layerRows(),
    timedBatch: 32,
    ...(await explanations(random)),
  };
}
