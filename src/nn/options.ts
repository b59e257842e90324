// The reader of options, which layers have in common with augmentation.

export * from '../core/options.js';
