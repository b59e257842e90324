// The classifier that `train` trains: a backbone, its optimizer and schedule, and how pictures become its input.

import type { BackendChoice } from '../../backend/select.js';
import type { Model } from '../../model/model.js';
import { optimizers } from '../../nn/optimizers.js';
import { schedules } from '../../nn/schedules.js';
import { createModel } from '../../zoo/backbones.js';
import type { TrainingData } from './images.js';
import type { Settings } from './settings.js';

export function buildModel(
  { classNames, channels, train }: Pick<TrainingData, 'classNames' | 'channels' | 'train'>,
  settings: Settings,
  compute: BackendChoice,
): Model {
  const { model: name, imageSize, seed, learningRate, weightDecay, labelSmoothing, epochs, batchSize } = settings;
  const model = createModel(name, { inputShape: [imageSize, imageSize, channels], classes: classNames.length, seed });
  model.setPreprocessing({ classNames });
  const totalSteps = Math.max(2, Math.ceil(train.length / batchSize) * epochs);
  return model.compile({
    optimizer: optimizers.adamW({
      learningRate: schedules.oneCycle({ maxLearningRate: learningRate, totalSteps }),
      weightDecay,
      excludeFromWeightDecay: ['bias', 'gamma', 'beta'],
    }),
    loss: { name: 'sparseCategoricalCrossentropy', labelSmoothing },
    metrics: ['accuracy'],
    ...compute,
  });
}
