// Goes on where a run was left, and leaves it so that it can be gone on with: after every epoch, and when somebody
// presses Ctrl-C.

import type { EventEmitter } from 'node:events';
import { resumeFrom } from '../../train/callbacks/resume.js';
import type { Callback } from '../../train/events.js';

export interface Checkpoint {
  readonly callback: Callback;
  /** Whether the training ended because it was interrupted. */
  readonly interrupted: boolean;
  /** Stops listening for Ctrl-C. */
  close(): void;
}

/** The first SIGINT ends the training after its batch; a second one ends the process as ever. */
export function checkpoint(file: string, onInterrupt: () => void, signals: EventEmitter = process): Checkpoint {
  // Asked for at any time, heeded after a batch: an epoch that is whole by then is told as one.
  let isAsked = false;
  let interrupted = false;
  const interrupt = () => {
    isAsked = true;
    onInterrupt();
  };
  signals.once('SIGINT', interrupt);
  const callback: Callback = {
    onTrainBegin: resumeFrom(file),
    async onBatchEnd({ epoch, batch }, { model, stop }) {
      if (!isAsked) return;
      interrupted = true;
      await model.save(file, { epoch, batch: batch + 1 });
      stop();
    },
    async onEpochEnd({ epoch }, { model }) {
      if (!interrupted) await model.save(file, { epoch: epoch + 1, batch: 0 });
    },
  };
  return {
    callback,
    get interrupted() {
      return interrupted;
    },
    close: () => signals.off('SIGINT', interrupt),
  };
}
