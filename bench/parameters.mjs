// Trained values of each network, to be compared with the literature and with peers.

import { buildNet, classics, nets, parametersOf } from './nets/index.mjs';

export function run(options, print) {
  for (const net of options.nets ?? Object.keys({ ...nets, ...classics })) {
    print({ bench: 'parameters', net, parameters: parametersOf(buildNet(net)) });
  }
}
