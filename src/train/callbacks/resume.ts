// Going on with a training that a file keeps.

import { stat } from 'node:fs/promises';
import type { Callback } from '../events.js';

/** An `onTrainBegin` that takes the training up where `file` has it; without the file it begins from the start. */
export const resumeFrom =
  (file: string): NonNullable<Callback['onTrainBegin']> =>
  async (_event, { model, resumeAt }) => {
    const isThere = await stat(file).then(
      () => true,
      () => false,
    );
    const place = isThere ? await model.restore(file) : null;
    if (place) resumeAt(place);
  };
