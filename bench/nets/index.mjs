// The networks that are timed: structure, sizes and batches as in the PyTorch peer (bench/peers/torch_peer.py).

import { input, model } from '../../dist/index.js';
import { surveyNetwork } from '../../dist/train/weights.js';
import { alexnet2012, densenet121, squeezenet, unet } from './classics.mjs';
import { alexnet, cifarcnn, lenet5, mnistcnn, vgg11, vgg16 } from './plain.mjs';
import { mobilenetv2, resnet18, resnet20, resnet20identity, resnet34, resnet50 } from './residual.mjs';

const digit = { shape: [28, 28, 1], classes: 10 };
const thumbnail = { shape: [32, 32, 3], classes: 10 };
const photo = { shape: [224, 224, 3], classes: 1000 };

/** By name: how to build it from an image, the image's shape, the classes, and the batch of a training step. */
export const nets = {
  lenet5: { build: lenet5, batch: 64, ...digit },
  mnistcnn: { build: mnistcnn, batch: 128, ...digit },
  cifarcnn: { build: cifarcnn, batch: 64, ...thumbnail },
  resnet20: { build: resnet20, batch: 64, ...thumbnail },
  alexnet: { build: alexnet, batch: 16, ...photo },
  vgg11: { build: vgg11, batch: 4, ...photo },
  vgg16: { build: vgg16, batch: 4, ...photo },
  resnet18: { build: resnet18, batch: 8, ...photo },
  resnet50: { build: resnet50, batch: 4, ...photo },
  mobilenetv2: { build: mobilenetv2, batch: 8, ...photo },
};

/** Networks of the literature besides: their parameters are counted. */
export const classics = {
  alexnet2012: { build: alexnet2012(2), shape: [227, 227, 3] },
  alexnet2012ungrouped: { build: alexnet2012(1), shape: [227, 227, 3] },
  resnet20identity: { build: resnet20identity, ...thumbnail },
  resnet34: { build: resnet34, ...photo },
  squeezenet: { build: squeezenet, ...photo },
  densenet121: { build: densenet121, ...photo },
  unet: { build: unet, shape: [256, 256, 1] },
};

/** The model, without weights until something asks for them. */
export function buildNet(name) {
  const { build, shape } = nets[name] ?? classics[name];
  const image = input({ shape });
  return model({ inputs: image, outputs: build(image), seed: 1, name });
}

/** Number of trained values, counted without making them. */
export function parametersOf(net) {
  const trained = surveyNetwork(net.network).weights.filter(({ trainable }) => trainable);
  return trained.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/** Images that look like normalized noise, and labels. */
export function batchOf(name, size) {
  const { shape, classes } = nets[name];
  const data = new Float32Array(size * shape.reduce((a, b) => a * b, 1));
  for (let i = 0; i < data.length; i++) data[i] = 1.7 * Math.sin(12.9898 * i);
  const labels = Int32Array.from({ length: size }, (_, i) => (7 * i) % classes);
  return { x: { data, shape: [size, ...shape] }, y: { data: labels, shape: [size] } };
}
