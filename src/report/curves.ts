// The curves of a training, from the file that it writes a line to after every epoch.

import type { CurvesPanel, EpochPoint } from './data.js';

/** Columns that are no metrics. */
const others = ['epoch', 'seconds', 'learningRate', 'imagesPerSecond'];

/** An epoch that is there twice, because a training was killed and went on, counts as it was the last time. */
export function curvesPanel(csv: string, monitor: string, epochs: number): CurvesPanel {
  const [header = '', ...lines] = csv.trim().split('\n');
  const columns = header.split(',');
  const points = new Map<number, EpochPoint>();
  for (const line of lines) {
    const values = line.split(',');
    // A line that was cut off when the disk was full.
    if (values.length !== columns.length) continue;
    const value = (name: string) => {
      const text = values[columns.indexOf(name)];
      return text === undefined || text === '' ? Number.NaN : Number(text);
    };
    const names = columns.filter((name) => !others.includes(name));
    const epoch = value('epoch') + 1;
    points.set(epoch, {
      epoch,
      seconds: value('seconds'),
      learningRate: value('learningRate'),
      imagesPerSecond: value('imagesPerSecond'),
      metrics: Object.fromEntries(names.map((name) => [name, value(name)])),
    });
  }
  const sorted = [...points.values()].sort((a, b) => a.epoch - b.epoch);
  const best = bestPoint(sorted, monitor);
  return { monitor, ...(best && { bestEpoch: best.epoch }), epochs, points: sorted };
}

/** The first of the highest value; of a loss of the lowest. That one's weights were kept. */
function bestPoint(points: readonly EpochPoint[], monitor: string): EpochPoint | undefined {
  const sign = /loss/i.test(monitor) ? -1 : 1;
  let best: EpochPoint | undefined;
  for (const point of points) {
    const value = sign * point.metrics[monitor];
    if (Number.isFinite(value) && (!best || value > sign * best.metrics[monitor])) best = point;
  }
  return best;
}
