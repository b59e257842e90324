// Trained values of each network, to be compared with the literature and with peers.

import { buildNet, nets, parametersOf } from './nets/index.mjs';

export function run(options, print) {
  for (const net of options.nets ?? Object.keys(nets)) {
    print({ bench: 'parameters', net, parameters: parametersOf(buildNet(net)) });
  }
}
