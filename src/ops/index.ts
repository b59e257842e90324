// The table of built-in ops: one array per family, put together here and nowhere else.

import { activationOps } from './activation.js';
import { adaptiveOps } from './adaptive.js';
import { convOps } from './conv.js';
import { denseOps } from './dense.js';
import { dropoutOps } from './dropout.js';
import { elementwiseOps } from './elementwise.js';
import { embeddingOps } from './embedding.js';
import { foldingOps } from './folding.js';
import { groupNormOps } from './group-norm.js';
import { layerwiseOps } from './layerwise.js';
import { localResponseOps } from './local-response.js';
import { lossOps } from './loss.js';
import { matmulOps } from './matmul.js';
import { normalizationOps } from './normalization.js';
import type { AnyOp } from './op.js';
import { optimizerOps } from './optimizer.js';
import { packedOps } from './packed.js';
import { paddingOps } from './padding.js';
import { pointwiseOps } from './pointwise.js';
import { poolingOps } from './pooling.js';
import { pooling3dOps } from './pooling3d.js';
import { powerOps } from './power.js';
import { reduceOps } from './reduce.js';
import { resizeOps } from './resize.js';
import { shapeOps } from './shape.js';
import { unpoolingOps } from './unpooling.js';
import { warpOps } from './warp.js';
import { winogradOps } from './winograd.js';

const families: readonly (readonly AnyOp[])[] = [
  activationOps,
  pointwiseOps,
  elementwiseOps,
  reduceOps,
  matmulOps,
  denseOps,
  convOps,
  poolingOps,
  pooling3dOps,
  adaptiveOps,
  unpoolingOps,
  resizeOps,
  warpOps,
  powerOps,
  normalizationOps,
  groupNormOps,
  localResponseOps,
  embeddingOps,
  dropoutOps,
  paddingOps,
  shapeOps,
  lossOps,
  optimizerOps,
  layerwiseOps,
  winogradOps,
  packedOps,
  foldingOps,
];

/** Every built-in op by name. */
export const builtinOps: ReadonlyMap<string, AnyOp> = new Map(families.flat().map((op) => [op.name, op]));
