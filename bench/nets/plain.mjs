// Networks of one layer after the other: LeNet-5 (LeCun 1998, with ReLU and max pooling), the Keras examples for MNIST
// and CIFAR-10, AlexNet (Krizhevsky 2014, "one weird trick") and VGG (Simonyan & Zisserman 2014) as torchvision has them.

import { conv, dense, dropout, flatten, maxPool } from './blocks.mjs';

const relu = (filters, kernelSize, padding = 0, strides = 1) => ({
  filters,
  kernelSize,
  padding,
  strides,
  activation: 'relu',
});

export function lenet5(image) {
  let x = maxPool(conv(image, relu(6, 5, 2)));
  x = flatten(maxPool(conv(x, relu(16, 5))));
  return dense(dense(dense(x, 120, 'relu'), 84, 'relu'), 10);
}

export function mnistcnn(image) {
  let x = maxPool(conv(image, relu(32, 3)));
  x = flatten(maxPool(conv(x, relu(64, 3))));
  return dense(dropout(x, 0.5), 10);
}

export function cifarcnn(image) {
  let x = image;
  for (const filters of [32, 64]) {
    x = conv(conv(x, relu(filters, 3, 1)), relu(filters, 3));
    x = dropout(maxPool(x), 0.25);
  }
  return dense(dropout(dense(flatten(x), 512, 'relu'), 0.5), 10);
}

export function alexnet(image) {
  const pool = { poolSize: 3, strides: 2 };
  let x = maxPool(conv(image, relu(64, 11, 2, 4)), pool);
  x = maxPool(conv(x, relu(192, 5, 2)), pool);
  for (const filters of [384, 256, 256]) x = conv(x, relu(filters, 3, 1));
  x = flatten(maxPool(x, pool));
  x = dense(dropout(x, 0.5), 4096, 'relu');
  x = dense(dropout(x, 0.5), 4096, 'relu');
  return dense(x, 1000);
}

/** @param {number[][]} stages filters of the convolutions between poolings */
const vgg = (stages) => (image) => {
  let x = image;
  for (const stage of stages) {
    for (const filters of stage) x = conv(x, relu(filters, 3, 1));
    x = maxPool(x);
  }
  x = dropout(dense(flatten(x), 4096, 'relu'), 0.5);
  x = dropout(dense(x, 4096, 'relu'), 0.5);
  return dense(x, 1000);
};

export const vgg11 = vgg([[64], [128], [256, 256], [512, 512], [512, 512]]);
export const vgg16 = vgg([
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
]);
