// Taking a saved state over into a model that is there.

import { readSafetensors, type SafetensorsFile } from '../io/safetensors.js';
import type { TrainingPlace } from '../train/events.js';
import type { Session } from '../train/session.js';
import { readDescription, slotName, type Training, tensorOf } from './file.js';

/** What the optimizer keeps, and the counters of training. */
export function takeProgress(
  file: string,
  tensors: SafetensorsFile['tensors'],
  session: Session,
  training: Training,
): void {
  for (const [slot, byPath] of Object.entries(session.slots())) {
    for (const [path, { shape, data }] of Object.entries(byPath)) {
      data.set(tensorOf(file, tensors, slotName(slot, path), shape));
    }
  }
  session.step = training.step;
  session.epoch = training.epoch;
}

/**
 * Fills a session from a file of the same network and optimizer; the place in the training that is noted in it.
 *
 * @throws ERR_OCELLUS_FORMAT when the file is damaged or of another network; the session then is as before
 */
export async function restoreSession(file: string, session: Session): Promise<TrainingPlace | null> {
  const { tensors, metadata } = await readSafetensors(file);
  const { training } = readDescription(file, metadata);
  const values = session.weights.map(({ path, shape }) => tensorOf(file, tensors, path, shape));
  return session.exclusive(async () => {
    const undo = session.snapshot();
    try {
      session.weightsChanged();
      session.weights.forEach(({ variable }, i) => void session.view(variable).set(values[i]));
      if (training) takeProgress(file, tensors, session, training);
    } catch (error) {
      undo();
      throw error;
    }
    const place = training?.place ?? null;
    // The order of samples of an epoch that is not done is that of its beginning.
    if (place && place.batch > 0) session.epoch--;
    return place;
  });
}
