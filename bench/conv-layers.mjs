// The convolutions that are timed by themselves: those of LeNet, the Keras network for CIFAR-10, AlexNet, VGG, ResNets
// and MobileNetV2, with the batches of the networks.

const layer = (name, batch, channels, size, filters, kernel, { stride = 1, padding = 0, groups = 1 } = {}) => ({
  name,
  batch,
  channels,
  size,
  filters,
  kernel,
  stride,
  padding,
  groups,
});

/** 3x3 that keeps the size of the image. */
const same = (name, batch, channels, size, filters) => layer(name, batch, channels, size, filters, 3, { padding: 1 });
const depthwise = (name, batch, channels, size, stride = 1) =>
  layer(name, batch, channels, size, channels, 3, { stride, padding: 1, groups: channels });

export const convLayers = [
  layer('lenet1', 64, 1, 28, 6, 5, { padding: 2 }),
  layer('lenet2', 64, 6, 14, 16, 5),
  same('cif1 3-32@32', 64, 3, 32, 32),
  same('cif2 32-32@32', 64, 32, 32, 32),
  same('cif3 32-64@16', 64, 32, 16, 64),
  same('cif4 64-64@16', 64, 64, 16, 64),
  layer('alex1 11s4', 16, 3, 224, 64, 11, { stride: 4, padding: 2 }),
  layer('alex2 5x5', 16, 64, 27, 192, 5, { padding: 2 }),
  same('alex3', 16, 192, 13, 384),
  same('alex4', 16, 384, 13, 256),
  same('alex5', 16, 256, 13, 256),
  same('vgg1_1 3-64@224', 4, 3, 224, 64),
  same('vgg1_2 64-64@224', 4, 64, 224, 64),
  same('vgg2_1 64-128@112', 4, 64, 112, 128),
  same('vgg3_1 128-256@56', 4, 128, 56, 256),
  same('vgg4_1 256-512@28', 4, 256, 28, 512),
  same('vgg5_1 512-512@14', 4, 512, 14, 512),
  same('rn20 16@32', 64, 16, 32, 16),
  same('rn20 32@16', 64, 32, 16, 32),
  same('rn20 64@8', 64, 64, 8, 64),
  layer('rn20 16-32s2', 64, 16, 32, 32, 3, { stride: 2, padding: 1 }),
  layer('rn 7x7s2', 8, 3, 224, 64, 7, { stride: 2, padding: 3 }),
  same('rn 64@56 3x3', 8, 64, 56, 64),
  same('rn 128@28 3x3', 8, 128, 28, 128),
  same('rn 256@14 3x3', 8, 256, 14, 256),
  same('rn 512@7 3x3', 8, 512, 7, 512),
  layer('rn 64-128@56s2', 8, 64, 56, 128, 3, { stride: 2, padding: 1 }),
  layer('rn 1x1 64-256@56', 8, 64, 56, 256, 1),
  layer('rn 1x1 256-64@56', 8, 256, 56, 64, 1),
  layer('rn 1x1 512-128@28', 8, 512, 28, 128, 1),
  layer('rn 1x1 1024-256@14', 8, 1024, 14, 256, 1),
  layer('rn 1x1s2 256-512', 8, 256, 56, 512, 1, { stride: 2 }),
  depthwise('mb dw 32@112', 8, 32, 112),
  depthwise('mb dw 96@112s2', 8, 96, 112, 2),
  depthwise('mb dw 144@56', 8, 144, 56),
  depthwise('mb dw 384@14', 8, 384, 14),
  depthwise('mb dw 960@7', 8, 960, 7),
];

export const outputSize = ({ size, kernel, stride, padding }) => Math.floor((size + 2 * padding - kernel) / stride) + 1;

/** Multiplications and additions, those with padding included. */
export const nominalFlops = (l) =>
  2 * l.batch * outputSize(l) ** 2 * l.filters * (l.channels / l.groups) * l.kernel ** 2;

/** What the layers of a geometric mean have in common, and the algorithm it is about. */
export const summaries = [
  {
    name: '3x3 stride 1, C >= 32',
    algorithm: 'winograd',
    holds: (l) => l.kernel === 3 && l.stride === 1 && l.groups === 1 && Math.min(l.channels, l.filters) >= 32,
  },
  { name: 'direct, Cin >= 16', algorithm: 'direct', holds: (l) => l.groups === 1 && l.channels >= 16 },
];
