// Predictions of the networks, for one image and for eight.

import { measureNets } from './nets-bench.mjs';

export const run = (options, print) => measureNets('infer', options, print);
