// Training steps of the networks.

import { measureNets } from './nets-bench.mjs';

export const run = (options, print) => measureNets('train', options, print);
