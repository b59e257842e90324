// Watching a value over epochs, and the checks that callbacks share.

import { check, nearest, OcellusError } from '../../core/errors.js';
import type { Logs } from '../events.js';

export interface MonitorOptions {
  /** The value to watch: `loss`, `accuracy`, `valLoss`, `valAccuracy` (`val_loss` is understood too). */
  monitor?: string;
  /** Whether less or more is better; 'auto' tells by the name. */
  mode?: 'auto' | 'min' | 'max';
}

/** The best value of a monitored quantity so far. */
export class Best {
  private value: number | undefined;
  private readonly monitor: string;

  constructor(
    private readonly where: string,
    private readonly options: MonitorOptions,
    private readonly minDelta: number,
    /** What the first value must be better than. */
    private readonly start?: number,
  ) {
    this.value = start;
    const { monitor = 'valLoss', mode = 'auto' } = options;
    this.monitor = monitor.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    check(mode === 'auto' || mode === 'min' || mode === 'max', 'ERR_OCELLUS_OPTION', () => ({
      where: `${where}, option 'mode'`,
      expected: 'one of auto, min, max',
      got: mode,
    }));
  }

  reset(): void {
    this.value = this.start;
  }

  /** Compares with the best value so far and keeps the better one. A value that is not a number is never better. */
  improves(logs: Logs): boolean {
    const value = this.read(logs);
    const { mode = 'auto' } = this.options;
    const sign = mode === 'max' || (mode === 'auto' && !/loss|error|divergence/i.test(this.monitor)) ? 1 : -1;
    if (Number.isNaN(value)) return false;
    if (this.value !== undefined && sign * (value - this.value) <= this.minDelta) return false;
    this.value = value;
    return true;
  }

  private read(logs: Logs): number {
    if (Object.hasOwn(logs, this.monitor)) return logs[this.monitor];
    const known = Object.keys(logs);
    const suggestion = nearest(this.monitor, known);
    const validation = this.monitor.startsWith('val') && !known.some((name) => name.startsWith('val'));
    throw new OcellusError('ERR_OCELLUS_OPTION', {
      where: `${this.where}, option 'monitor'`,
      expected: `one of ${known.join(', ')}`,
      got: `'${this.monitor}'`,
      help: validation ? 'give fit validationData or validationSplit' : suggestion && `did you mean '${suggestion}'?`,
    });
  }
}

export function checkNumber(where: string, value: unknown, holds: boolean, expected: string): void {
  check(holds, 'ERR_OCELLUS_OPTION', () => ({ where, expected, got: value }));
}

export function checkFile(where: string, file: unknown, option = 'file'): void {
  checkNumber(`${where}, option '${option}'`, file, typeof file === 'string' && file.length > 0, 'a path');
}
