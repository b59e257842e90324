// Changes of pixels by given amounts, in place: colours, tones, sharpness. Bytes go through tables; floats are computed.

import { applyTones, clampInto, type Picture, type ValueRange } from './picture.js';

/** Rec. 601, as Keras and torchvision round it. */
const greyWeights = [0.2989, 0.587, 0.114] as const;

/** Adds the same to all channels, or to each its own. */
export function addTo(picture: Picture, amounts: readonly number[], range: ValueRange): void {
  const tones = amounts.map((amount) => (value: number) => value + amount);
  applyTones(picture, tones, range);
}

/** Towards black (below 1) or away from it. */
export function scaleLight(picture: Picture, factor: number, range: ValueRange): void {
  const [low] = range;
  applyTones(picture, [(value) => low + (value - low) * factor], range);
}

/** Away from each channel's mean (above 1) or towards it. */
export function scaleContrast(picture: Picture, factor: number, range: ValueRange): void {
  const { data, channels } = picture;
  const tones = Array.from({ length: channels }, (_, k) => {
    let sum = 0;
    for (let i = k; i < data.length; i += channels) sum += data[i];
    const mean = sum / (picture.height * picture.width);
    return (value: number) => (value - mean) * factor + mean;
  });
  applyTones(picture, tones, range);
}

export function invert(picture: Picture, range: ValueRange): void {
  const [low, high] = range;
  applyTones(picture, [(value) => low + high - value], range);
}

/** Adds, clips, and inverts what is then at or above the threshold; both in units of values. */
export function solarize(picture: Picture, addition: number, threshold: number, range: ValueRange): void {
  const [low, high] = range;
  const tone = (value: number) => {
    const sum = Math.min(Math.max(value + addition, low), high);
    return sum < threshold ? sum : low + high - sum;
  };
  applyTones(picture, [tone], range);
}

/** Keeps the highest `bits` of the eight that a value between black and white has. */
export function posterize(picture: Picture, bits: number, range: ValueRange): void {
  const [low, high] = range;
  const mask = 256 - 2 ** (8 - bits);
  const scale = 255 / (high - low);
  applyTones(picture, [(value) => low + (Math.trunc((value - low) * scale + 1e-4) & mask) / scale], range);
}

/** Stretches each channel over the whole range. */
export function stretchContrast(picture: Picture, range: ValueRange): void {
  const { data, channels } = picture;
  const [low, high] = range;
  const tones = Array.from({ length: channels }, (_, k) => {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (let i = k; i < data.length; i += channels) {
      if (data[i] < least) least = data[i];
      if (data[i] > most) most = data[i];
    }
    if (most === least) return (value: number) => value;
    const scale = (high - low) / (most - least);
    return (value: number) => low + (value - least) * scale;
  });
  applyTones(picture, tones, range);
}

/** Makes every value of a channel about as frequent as any other, by its cumulative histogram of 256 steps. */
export function equalize(picture: Picture, range: ValueRange): void {
  const { data, channels } = picture;
  const [low, high] = range;
  const scale = 255 / (high - low);
  const step = (value: number) => Math.min(Math.max(Math.trunc((value - low) * scale), 0), 255);
  const tones = Array.from({ length: channels }, (_, k) => {
    const counts = new Uint32Array(256);
    for (let i = k; i < data.length; i += channels) counts[step(data[i])]++;
    const first = counts.find((count) => count > 0) ?? 0;
    const others = data.length / channels - first;
    if (others === 0) return (value: number) => value;
    let sum = 0;
    const table = counts.map((count) => Math.round((((sum += count) - first) * 255) / others));
    return (value: number) => low + table[step(value)] / scale;
  });
  applyTones(picture, tones, range);
}

// ---- colours: the first three of three or four channels; grey pictures stay as they are ------------------------------

const hasColours = ({ channels }: Picture): boolean => channels === 3 || channels === 4;

/** A share of the way to grey: 1 is grey, below 0 away from it. */
export function towardsGrey(picture: Picture, share: number, range: ValueRange): void {
  if (!hasColours(picture)) return;
  const [low, high] = range;
  const data = picture.writable();
  const half = picture.isBytes ? 0.5 : 0;
  const [red, green, blue] = greyWeights;
  for (let i = 0; i < data.length; i += picture.channels) {
    const grey = red * data[i] + green * data[i + 1] + blue * data[i + 2];
    for (let k = i; k < i + 3; k++) {
      const value = data[k] + (grey - data[k]) * share;
      data[k] = (value < low ? low : Math.min(value, high)) + half;
    }
  }
}

/** Multiplies the saturation of hue, saturation and value. */
export function scaleSaturation(picture: Picture, factor: number, range: ValueRange): void {
  if (!hasColours(picture)) return;
  const [low] = range;
  const data = picture.writable();
  const half = picture.isBytes ? 0.5 : 0;
  for (let i = 0; i < data.length; i += picture.channels) {
    const most = Math.max(data[i], data[i + 1], data[i + 2]);
    const spread = most - Math.min(data[i], data[i + 1], data[i + 2]);
    if (spread === 0) continue;
    const scale = Math.min(factor, (most - low) / spread);
    for (let k = i; k < i + 3; k++) data[k] = most - (most - data[k]) * scale + half;
  }
}

/** Turns the circle of hues by a share of it. */
export function turnHue(picture: Picture, share: number): void {
  if (!hasColours(picture)) return;
  const data = picture.writable();
  const half = picture.isBytes ? 0.5 : 0;
  const turn = 6 * (share - Math.floor(share));
  for (let i = 0; i < data.length; i += picture.channels) {
    const [red, green, blue] = [data[i], data[i + 1], data[i + 2]];
    const most = red > green ? Math.max(red, blue) : Math.max(green, blue);
    const least = red < green ? Math.min(red, blue) : Math.min(green, blue);
    const spread = most - least;
    if (spread === 0) continue;
    const sector =
      most === red ? (green - blue) / spread : most === green ? 2 + (blue - red) / spread : 4 + (red - green) / spread;
    const hue = sector + turn + 6;
    data[i] = most - spread * dip(hue + 5) + half;
    data[i + 1] = most - spread * dip(hue + 3) + half;
    data[i + 2] = most - spread * dip(hue + 1) + half;
  }
}

/** How far a channel is below the strongest, along the circle of six sectors. */
function dip(place: number): number {
  const k = place - 6 * Math.floor(place / 6);
  const slope = Math.min(k, 4 - k);
  return slope < 0 ? 0 : Math.min(slope, 1);
}

// ---- neighbourhoods ----------------------------------------------------------------------------------------------------

/** Below 1 towards a 3x3 mean that weighs the middle five times, above 1 away from it; the outermost pixels stay. */
export function scaleSharpness(picture: Picture, factor: number, range: ValueRange): void {
  const { height, width, channels } = picture;
  const source = picture.data;
  const values = Float32Array.from(source);
  const down = width * channels;
  for (let row = 1; row < height - 1; row++) {
    for (let i = row * down + channels; i < (row + 1) * down - channels; i++) {
      const above = source[i - down - channels] + source[i - down] + source[i - down + channels];
      const beside = source[i - channels] + source[i + channels];
      const below = source[i + down - channels] + source[i + down] + source[i + down + channels];
      const smooth = (above + beside + below + 5 * source[i]) / 13;
      values[i] = smooth + (source[i] - smooth) * factor;
    }
  }
  clampInto(picture.writable(), values, range);
}

/** Weights of a Gaussian on `size` (odd) pixels; their sum is 1. */
export function gaussian(size: number, sigma: number): Float64Array {
  const middle = (size - 1) / 2;
  const weights = Float64Array.from({ length: size }, (_, i) => Math.exp(-((i - middle) ** 2) / (2 * sigma * sigma)));
  const sum = weights.reduce((total, weight) => total + weight);
  return weights.map((weight) => weight / sum);
}

/** Convolves columns, then rows; outside are the border's pixels. */
export function blur(picture: Picture, vertical: Float64Array, horizontal: Float64Array, range: ValueRange): void {
  const { data, height, width, channels } = picture;
  const length = width * channels;
  const up = (vertical.length - 1) / 2;
  const left = ((horizontal.length - 1) / 2) * channels;
  const values = new Float32Array(data.length);
  const line = new Float32Array(length + 2 * left);
  for (let y = 0; y < height; y++) {
    line.fill(0);
    for (let t = 0; t < vertical.length; t++) {
      const from = Math.min(Math.max(y + t - up, 0), height - 1) * length - left;
      const weight = vertical[t];
      for (let i = left; i < left + length; i++) line[i] += weight * data[from + i];
    }
    for (let i = left - 1; i >= 0; i--) line[i] = line[i + channels];
    for (let i = left + length; i < line.length; i++) line[i] = line[i - channels];
    const to = y * length;
    for (let t = 0; t < horizontal.length; t++) {
      const weight = horizontal[t];
      const from = t * channels;
      for (let i = 0; i < length; i++) values[to + i] += weight * line[from + i];
    }
  }
  clampInto(picture.writable(), values, range);
}
