// Layers of a network by path: `stem/conv2d` lies in the nested network or layer `stem`. Patterns with * reach several.

import type { Layer } from './layer.js';
import type { Network } from './network.js';
import { optionError, quoted } from './options.js';

/** A path with `*` for any part of it, a regular expression, or a function. */
export type LayerPattern = string | RegExp | ((path: string, layer: Layer) => boolean);

/** A layer and its path in a network. */
export interface PlacedLayer {
  readonly path: string;
  readonly layer: Layer;
}

/** All layers, those inside of others after the one they lie in. */
export function allLayers({ layers = [] }: Pick<Layer, 'layers'>, prefix = ''): PlacedLayer[] {
  return layers.flatMap(({ name, layer }) => {
    const path = `${prefix}${name}`;
    return [{ path, layer }, ...allLayers(layer, `${path}/`)];
  });
}

/**
 * The layers that one of the patterns fits.
 *
 * @throws ERR_OCELLUS_OPTION for a pattern that fits no layer
 */
export function selectLayers(
  network: Network,
  where: string,
  patterns: LayerPattern | readonly LayerPattern[],
): PlacedLayer[] {
  const all = allLayers(network);
  const list = (Array.isArray(patterns) ? patterns : [patterns]) as readonly LayerPattern[];
  const chosen = new Set<PlacedLayer>();
  for (const pattern of list) {
    const fits = matcher(where, pattern);
    const found = all.filter(({ path, layer }) => fits(path, layer));
    if (found.length === 0) {
      const names = all.map(({ path }) => path).join(', ');
      throw optionError(where, `a pattern that fits one of ${names}`, quoted(String(pattern)));
    }
    for (const item of found) chosen.add(item);
  }
  return all.filter((item) => chosen.has(item));
}

function matcher(where: string, pattern: LayerPattern): (path: string, layer: Layer) => boolean {
  if (typeof pattern === 'function') return pattern;
  if (pattern instanceof RegExp) return (path) => path.search(pattern) >= 0;
  if (typeof pattern !== 'string') throw optionError(where, 'a path, a regular expression or a function', pattern);
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  const whole = new RegExp(`^${escaped.join('.*')}$`);
  return (path) => whole.test(path);
}
