// Pictures of one size in memory, with their classes and names.

import type { ImageSample } from '../../data/decoding.js';
import type { LabelledImages } from '../../data/idx.js';
import { Pipeline } from '../../data/pipeline.js';
import { loadSharp } from '../../data/sharp.js';
import { array } from '../../data/sources.js';

export interface Frames {
  /** [pictures, height, width, channels] */
  readonly pixels: Uint8Array;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly labels: Int32Array;
  readonly names: readonly string[];
}

/** x: bytes [batch, height, width, channels]; y: class numbers; file: names. */
export interface FrameBatch {
  readonly x: { readonly data: Uint8Array; readonly shape: readonly number[] };
  readonly y: { readonly data: Int32Array; readonly shape: readonly number[] };
  readonly file: readonly string[];
}

/** The chosen pictures as one batch. */
export function gather({ pixels, shape, labels, names }: Frames, indices: Uint32Array): FrameBatch {
  const size = shape[0] * shape[1] * shape[2];
  const data = new Uint8Array(indices.length * size);
  indices.forEach((index, i) => void data.set(pixels.subarray(index * size, (index + 1) * size), i * size));
  return {
    x: { data, shape: [indices.length, ...shape] },
    y: { data: Int32Array.from(indices, (index) => labels[index]), shape: [indices.length] },
    file: Array.from(indices, (index) => names[index]),
  };
}

/** All pictures in batches, in their own order or in that of an epoch. */
export function inBatches(
  frames: Frames,
  batchSize: number,
  orderOf: (epoch: number) => Uint32Array = () => Uint32Array.from(frames.labels, (_, i) => i),
): Pipeline<FrameBatch & { readonly indices: Uint32Array }> {
  const size = frames.labels.length;
  return new Pipeline(
    async function* ({ epoch, signal }) {
      const order = orderOf(epoch);
      for (let at = 0; at < size && !signal.aborted; at += batchSize) {
        const indices = order.subarray(at, at + batchSize);
        yield { ...gather(frames, indices), indices };
      }
    },
    { size, cardinality: Math.ceil(size / batchSize) },
  );
}

/** Decodes all pictures that can be decoded, `most` or fewer. */
export async function decodeFrames(
  samples: Pipeline<ImageSample>,
  shape: Frames['shape'],
  most: number,
): Promise<Frames> {
  const size = shape[0] * shape[1] * shape[2];
  const pixels = new Uint8Array(most * size);
  const labels = new Int32Array(most);
  const names: string[] = [];
  for await (const { x, y, file } of samples.iterate(0)) {
    pixels.set(x.data, names.length * size);
    labels[names.length] = y;
    names.push(file);
  }
  const count = names.length;
  return { pixels: pixels.subarray(0, count * size), shape, labels: labels.subarray(0, count), names };
}

/** Pictures of a file brought to a size and a number of channels; those that have them are not copied. */
export async function frameArrays(
  { images, labels }: LabelledImages,
  name: string,
  [height, width, channels]: Frames['shape'],
): Promise<Frames> {
  const [count, rows, columns, planes] = images.shape;
  const names = Array.from({ length: count }, (_, i) => `${name} ${i}`);
  const sized =
    rows === height && columns === width
      ? images.data
      : await resized(images.data, [count, rows, columns, planes], height, width);
  const pixels = planes === channels ? sized : withChannels(sized, planes, channels);
  return { pixels, shape: [height, width, channels], labels: labels.data, names };
}

/** As pictures in files are: the shorter side fits, what sticks out is cut off. */
async function resized(
  pixels: Uint8Array,
  [count, rows, columns, planes]: readonly number[],
  height: number,
  width: number,
): Promise<Uint8Array> {
  const { default: sharp } = await loadSharp();
  const [from, to] = [rows * columns * planes, height * width * planes];
  const result = new Uint8Array(count * to);
  const resize = async (index: number) => {
    const raw = { width: columns, height: rows, channels: planes as 1 | 3 };
    const picture = sharp(pixels.subarray(index * from, (index + 1) * from), { raw })
      .resize(width, height, { fit: 'cover', kernel: 'linear' })
      .toColourspace(planes === 1 ? 'b-w' : 'srgb');
    result.set(await picture.raw().toBuffer(), index * to);
  };
  const indices = Array.from({ length: count }, (_, index) => index);
  for await (const _ of array(indices).map(resize, { numParallelCalls: 4 })) {
    // Written where it belongs.
  }
  return result;
}

/** Grey three times over, or the luma of colours (ITU-R BT.601, as grey pictures are read). */
function withChannels(pixels: Uint8Array, planes: number, channels: number): Uint8Array {
  const count = pixels.length / planes;
  const result = new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    if (planes === 1) result.fill(pixels[i], i * channels, (i + 1) * channels);
    else result[i] = 0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2] + 0.5;
  }
  return result;
}
