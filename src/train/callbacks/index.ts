// The callbacks that come with Ocellus, under Keras's names and options.

export * from './logging.js';
export type { MonitorOptions } from './monitor.js';
export * from './rates.js';
export * from './saving.js';
export * from './stopping.js';
export * from './tensorboard.js';
