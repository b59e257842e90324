// The table `data`: where pipelines begin.

export { array, generator, stream, tensorSlices, zip } from './sources.js';
