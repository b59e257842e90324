// Where numbers stop being finite: walks a batch forward again, with the weights and seeds its step began with, and looks
// at everything on the way in the order in which it runs.

import type { NumericArray } from '../core/dtype.js';
import type { NonFinite } from './events.js';
import type { BoundProgram, Session } from './session.js';
import { type Feed, requestFor } from './source.js';

/** The first thing of a batch that is not finite, and what to say about it; null when all is. */
export async function findNonFinite(session: Session, feed: Feed): Promise<Omit<NonFinite, 'epoch' | 'batch'> | null> {
  return session.replay(
    { ...requestFor('gradients', feed), trace: true },
    { write: (bound) => feed.write(bound), read: (bound) => search(session, bound) },
  );
}

function search(session: Session, bound: BoundProgram): Omit<NonFinite, 'epoch' | 'batch'> | null {
  const { inputs, outputNames } = session.network;
  for (const [i, data] of bound.inputs.entries()) {
    const value = strange(data);
    if (value !== undefined) return { layer: null, weight: null, what: `the data of input '${inputs[i].name}'`, value };
  }
  for (const [i, { path, layer }] of session.calls.entries()) {
    const value = strange(bound.outputs[i]);
    if (value === undefined) continue;
    const broken = session.weights.find(
      (weight) =>
        weight.trainable && weight.path.startsWith(`${path}/`) && strange(session.view(weight.variable)) !== undefined,
    );
    const what = `the output of ${layer.type} '${path}'${broken ? `, whose weight '${broken.path}' was not finite before` : ''}`;
    return { layer: path, weight: broken?.path ?? null, what, value };
  }
  for (const [i, data] of bound.targets.entries()) {
    const value = strange(data);
    if (value !== undefined)
      return { layer: null, weight: null, what: `the targets of output '${outputNames[i]}'`, value };
  }
  const value = strange(bound.loss);
  return value === undefined
    ? null
    : { layer: null, weight: null, what: 'the loss, of finite outputs and targets', value };
}

/** The first value that is not a finite number. */
function strange(data: NumericArray): number | undefined {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return data[i];
  return undefined;
}
