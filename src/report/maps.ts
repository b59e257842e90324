// What a network sees in some pictures: the maps of its layers, and the places that speak for its answer.

import { colorize } from '../explain/colors.js';
import { deletionScore, featureMaps, gradCam } from '../explain/index.js';
import type { Model } from '../model/model.js';
import { batchOf } from './batch.js';
import type { ActivationMap, FeatureMapsOfImage } from './data.js';
import type { Kept } from './gallery.js';
import { pictureUri, reencoded } from './pictures.js';

/** Maps of one layer that are shown, and layers. */
const mapsShown = 24;
const columns = 8;
const layersShown = 24;
/** Sides of pictures, in pixels. */
const side = 96;
const overlaySide = 160;

/** A few pictures to look at closely: the worst mistakes and right answers of other classes, in turn. */
export function telling(kept: readonly Kept[], count: number): Kept[] {
  const isRight = ({ answer }: Kept) => answer.trueClass === answer.predictedClass;
  const wrong = kept.filter((one) => !isRight(one)).sort((a, b) => b.answer.loss - a.answer.loss);
  const reversed = kept.filter(isRight).reverse();
  const firsts = new Map(reversed.map((one) => [one.answer.trueClass, one]));
  const distinct = new Set(firsts.values());
  const right = kept.filter(isRight).sort((a, b) => Number(distinct.has(b)) - Number(distinct.has(a)));
  const half = Math.ceil(count / 2);
  const first = [...right.slice(0, half), ...wrong.slice(0, Math.max(count - half, count - right.length))];
  return [...first, ...right.slice(half)].slice(0, count);
}

export async function featurePanels(
  model: Model,
  kept: readonly Kept[],
  classNames: readonly string[],
): Promise<FeatureMapsOfImage[]> {
  const layers = mapLayers(model);
  if (kept.length === 0 || layers.length === 0) return [];
  const found = await featureMaps(model, batchOf(kept), { layers });
  return Promise.all(
    kept.map(async (one, i) => ({
      picture: await pictureUri(one.sample, side),
      label: labelOf(one, classNames),
      layers: await Promise.all(
        found[i].map(async (maps) => ({
          name: maps.layer,
          shape: maps.shape,
          range: maps.range,
          sheet: await reencoded(await maps.png({ columns, limit: mapsShown, scale: 1 }), { grey: true }),
          shown: Math.min(mapsShown, maps.shape[2]),
          columns,
        })),
      ),
    })),
  );
}

/** Activations that are images; where there are none, convolutions. Of very deep networks some, from first to last. */
function mapLayers(model: Model): string[] {
  const images = model.layerSummaries({ batchSize: 1 }).filter(({ outputShape: [, height, width, channels] }) => {
    return channels !== undefined && Number(height) * Number(width) > 1;
  });
  const ofKind = (kind: RegExp) => images.filter(({ type }) => kind.test(type)).map(({ name }) => name);
  const activations = ofKind(/relu|activation/i);
  const layers = activations.length > 0 ? activations : ofKind(/conv/i);
  const step = Math.max(1, layers.length / layersShown);
  return [...new Set(layers.map((_, i) => layers[Math.floor(i * step)]))].filter((name) => name !== undefined);
}

export async function activationPanels(
  model: Model,
  kept: readonly Kept[],
  classNames: readonly string[],
): Promise<ActivationMap[]> {
  if (kept.length === 0) return [];
  const maps = await gradCam(model, batchOf(kept));
  const panels: ActivationMap[] = [];
  for (const [i, map] of maps.entries()) {
    const { score, curve } = await deletionScore(model, batchOf([kept[i]]), map);
    panels.push({
      picture: await pictureUri(kept[i].sample, side),
      label: labelOf(kept[i], classNames),
      layer: map.layer,
      overlay: await reencoded(await map.overlay(), { side: overlaySide }),
      range: map.range,
      scale: legend,
      targetClass: map.classIndex,
      probability: map.probability,
      deletionScore: score,
      deletionCurve: curve,
    });
  }
  return panels;
}

/** The colours of a map, from low to high. */
const legend = Array.from({ length: 9 }, (_, i) => `rgb(${colorize([i / 8], [0, 1], 'sequential').join(' ')})`);

function labelOf({ answer }: Kept, classNames: readonly string[]): string {
  const name = (index: number) => classNames[index] ?? String(index);
  const { trueClass, predictedClass } = answer;
  return trueClass === predictedClass ? name(trueClass) : `${name(trueClass)}, taken for ${name(predictedClass)}`;
}
