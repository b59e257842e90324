// TensorFlow.js as a peer: times training steps or predictions of one network in this process, on its plain JavaScript
// backend ('cpu') or on WebAssembly ('wasm'). Both use one thread.

import * as tf from '@tensorflow/tfjs-core';
import * as keras from '@tensorflow/tfjs-layers';
import { peakRssMiB, sample } from '../measure.mjs';
import { batchOf, nets } from '../nets/index.mjs';
import { answer } from '../process.mjs';
import { ownSeconds } from '../quiet.mjs';
import { paddingOf, translate } from './translate.mjs';

const { layers } = keras;

/** Zeros around an image where the layer itself cannot add them: only 'same' of stride 1 pads all sides alike. */
function padded(x, padding) {
  return padding === 0 ? x : layers.zeroPadding2d({ padding: [both(padding), both(padding)] }).apply(x);
}

const both = (value) => [value, value];

/** @param kernelInitializer undefined: the library's own, which takes long for large layers */
const layerWriters = (kernelInitializer) => ({
  conv2d({ inputs: [x], filters, kernelSize, strides, groups, useBias, activation, ...options }) {
    const padding = paddingOf(options);
    const same = strides === 1 && 2 * padding === kernelSize - 1;
    const common = { kernelSize, strides, padding: same ? 'same' : 'valid', useBias, activation };
    const layer =
      groups === 1
        ? layers.conv2d({ ...common, filters, kernelInitializer })
        : layers.depthwiseConv2d({ ...common, depthwiseInitializer: kernelInitializer });
    return layer.apply(same ? x : padded(x, padding));
  },
  dense: ({ inputs: [x], units, activation }) => layers.dense({ units, activation, kernelInitializer }).apply(x),
  // Zeros stand for no value at all: what is pooled here has been through a ReLU.
  maxPooling2d: ({ inputs: [x], poolSize, strides = poolSize, ...options }) =>
    layers.maxPooling2d({ poolSize, strides }).apply(padded(x, paddingOf(options))),
  batchNormalization: ({ inputs: [x], momentum, epsilon }) => layers.batchNormalization({ momentum, epsilon }).apply(x),
  relu: ({ inputs: [x] }) => layers.reLU().apply(x),
  relu6: ({ inputs: [x] }) => layers.reLU({ maxValue: 6 }).apply(x),
  add: ({ inputs }) => layers.add().apply(inputs),
  flatten: ({ inputs: [x] }) => layers.flatten().apply(x),
  globalAveragePooling2d: ({ inputs: [x] }) => layers.globalAveragePooling2d({}).apply(x),
  dropout: ({ inputs: [x], rate }) => layers.dropout({ rate }).apply(x),
});

async function useEngine(engine) {
  await import(`@tensorflow/tfjs-backend-${engine}`);
  await tf.setBackend(engine);
  await tf.ready();
}

function trainingStep(model, x, labels, classes) {
  model.compile({
    optimizer: tf.train.momentum(1e-3, 0.9),
    loss: (truth, logits) => tf.losses.softmaxCrossEntropy(truth, logits),
  });
  const y = tf.oneHot(tf.tensor1d(labels, 'int32'), classes);
  return () => model.trainOnBatch(x, y);
}

function prediction(model, x) {
  return () => {
    const y = model.predict(x, { batchSize: x.shape[0] });
    y.dataSync();
    y.dispose();
  };
}

const trainedValues = (model) =>
  model.trainableWeights.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

await answer(async ({ net, mode, batch, engine, ...sampling }) => {
  await useEngine(engine);
  const { shape, classes } = nets[net];
  const initializer = mode === 'train' ? undefined : keras.initializers.constant({ value: 0.01 });
  const input = keras.input({ shape });
  const model = keras.model({ inputs: input, outputs: translate(net, input, layerWriters(initializer)) });
  const data = batchOf(net, batch);
  const x = tf.tensor4d(data.x.data, data.x.shape);
  const step = mode === 'train' ? trainingStep(model, x, data.y.data, classes) : prediction(model, x);
  // A step may take seconds here: one to warm up is enough.
  const times = await sample(step, { ...sampling, warmups: 1, least: 2 });
  return {
    name: `tfjs-${engine} ${tf.version_core}`,
    parameters: trainedValues(model),
    times,
    peakRssMiB: peakRssMiB(),
    cpuSeconds: ownSeconds(),
  };
});
