// The pictures that a report shows of an evaluation, chosen while the samples stream by: the worst mistakes, some right
// answers, and for each cell of the confusion matrix some, however many cells there are.

import type { Answer, SeenSample } from './interpret.js';

export interface Kept {
  readonly answer: Answer;
  /** A copy. */
  readonly sample: SeenSample;
}

export interface GalleryLimits {
  /** Pictures in all. */
  readonly most: number;
  /** Mistakes of the highest loss that are kept whatever cell they are in. */
  readonly worst: number;
  /** Right answers, each of another class, that are kept however many mistakes there are. */
  readonly right: number;
  /** Of one cell. */
  readonly perCell: number;
}

/** Takes pictures as they come and never holds more than half as many again as it may keep. */
export class Gallery {
  private kept: Kept[] = [];

  constructor(private readonly limits: GalleryLimits) {}

  add(answer: Answer, { data, shape }: SeenSample): void {
    this.kept.push({ answer, sample: { data: data.slice(), shape } });
    if (this.kept.length >= 1.5 * this.limits.most) this.kept = chosen(this.kept, this.limits);
  }

  /** In the order of the data. */
  pictures(): Kept[] {
    return chosen(this.kept, this.limits);
  }
}

/**
 * The worst, some right ones, then round by round the next of each cell: of a mistake the one of the highest loss, of right answers the
 * surest. So rare cells keep theirs, and only the second and third of common ones give way.
 */
function chosen(all: readonly Kept[], { most, worst, right, perCell }: GalleryLimits): Kept[] {
  const byLoss = [...all].sort((a, b) => b.answer.loss - a.answer.loss || a.answer.index - b.answer.index);
  const picked = new Set(byLoss.slice(0, worst));
  const cells = new Map<string, Kept[]>();
  for (const one of byLoss) {
    const { trueClass, predictedClass } = one.answer;
    const key = `${trueClass}/${predictedClass}`;
    const cell = cells.get(key) ?? [];
    if (trueClass === predictedClass) cell.unshift(one);
    else cell.push(one);
    cells.set(key, cell);
  }
  const diagonal = [...cells.values()].filter(([{ answer }]) => answer.trueClass === answer.predictedClass);
  for (const [first] of diagonal.slice(0, right)) picked.add(first);
  for (let round = 0; round < perCell; round++) {
    for (const cell of cells.values()) {
      if (picked.size < most && cell[round]) picked.add(cell[round]);
    }
  }
  return [...picked].sort((a, b) => a.answer.index - b.answer.index);
}
