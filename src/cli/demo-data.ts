// The demo's training data: every epoch in another order, each image moved by up to two pixels. Nine thousand digits are
// few; moved digits are as good as new ones.

import { Random } from '../core/random.js';
import type { Dataset } from '../data/dataset.js';
import type { LabelledImages } from '../data/idx.js';

const reach = 2;

/** Batches of moved images; the seed and the epoch decide order and moves. */
export function movedImages({ images, labels }: LabelledImages, batchSize: number, seed: number): Dataset {
  const [count, height, width, channels] = images.shape;
  let epoch = 0;
  return {
    size: count,
    async *[Symbol.asyncIterator]() {
      const random = new Random(seed, epoch++);
      const order = random.shuffle(Int32Array.from({ length: count }, (_, i) => i));
      for (let start = 0; start < count; start += batchSize) {
        const batch = order.subarray(start, start + batchSize);
        const x = new Uint8Array(batch.length * height * width * channels);
        batch.forEach((index, i) => {
          const move = () => random.integer(2 * reach + 1) - reach;
          copyMoved(images.data, index, x, i, { height, width, channels }, move(), move());
        });
        const y = Int32Array.from(batch, (index) => labels.data[index]);
        yield { x: { data: x, shape: [batch.length, height, width, channels] }, y: { data: y, shape: [batch.length] } };
      }
    },
  };
}

function copyMoved(
  from: Uint8Array,
  fromIndex: number,
  to: Uint8Array,
  toIndex: number,
  { height, width, channels }: { height: number; width: number; channels: number },
  down: number,
  right: number,
): void {
  const size = height * width * channels;
  const row = width * channels;
  const first = Math.max(0, -right) * channels;
  const length = row - Math.abs(right) * channels;
  for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
    const source = fromIndex * size + y * row + first;
    to.set(from.subarray(source, source + length), toIndex * size + (y + down) * row + Math.max(0, right) * channels);
  }
}
