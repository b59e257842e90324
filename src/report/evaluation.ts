// The panel of a report that tells how good a model is: what `interpret` finds, with pictures.

import type { Dataset } from '../data/dataset.js';
import type { Model } from '../model/model.js';
import type { EvaluationPanel, ReportImage } from './data.js';
import { Gallery, type Kept } from './gallery.js';
import { type Interpretation, interpret } from './interpret.js';
import { pictureUri } from './pictures.js';

/** Side of pictures, in pixels, and how many of them: 300 are about a megabyte. */
const side = 96;
const limits = { most: 300, worst: 36, right: 24, perCell: 6 };
/** In the list of those confused. */
const pairsShown = 20;

export interface Evaluated {
  readonly panel: EvaluationPanel;
  readonly found: Interpretation;
  /** The pictures, as they went into the model. */
  readonly kept: readonly Kept[];
}

/** Runs the model once over batches { x, y, file }. */
export async function evaluationPanel(model: Model, batches: Dataset): Promise<Evaluated> {
  const gallery = new Gallery(limits);
  const found = await interpret(model, batches, { onAnswer: (answer, sample) => gallery.add(answer, sample) });
  const kept = gallery.pictures();
  const images: ReportImage[] = [];
  for (const { answer, sample } of kept) {
    const { index: _, ...facts } = answer;
    images.push({ ...facts, picture: await pictureUri(sample, side) });
  }
  const places = new Map(kept.map(({ answer }, place) => [answer.index, place]));
  const right = images.flatMap(({ trueClass, predictedClass }, place) => (trueClass === predictedClass ? [place] : []));
  const panel: EvaluationPanel = {
    samples: found.answers.length,
    accuracy: found.accuracy,
    loss: found.loss,
    confusion: found.confusion,
    perClass: found.perClass(),
    reliability: found.reliability(),
    mostConfused: found.mostConfused().slice(0, pairsShown),
    images,
    topLosses: found.topLosses(limits.worst).flatMap(({ index }) => places.get(index) ?? []),
    rightAnswers: spread(right, images, limits.right),
  };
  return { panel, found, kept };
}

/** Some places, one of each class in turn. */
function spread(places: readonly number[], images: readonly ReportImage[], most: number): number[] {
  const turns = new Map<number, number>();
  const ranked = places.map((place) => {
    const turn = turns.get(images[place].trueClass) ?? 0;
    turns.set(images[place].trueClass, turn + 1);
    return { place, turn };
  });
  return ranked
    .sort((a, b) => a.turn - b.turn || images[a.place].trueClass - images[b.place].trueClass)
    .slice(0, most)
    .map(({ place }) => place);
}
