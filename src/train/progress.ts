// The progress line of training and evaluation, in the form that Keras made familiar: a bar that redraws itself on a
// terminal, one line per epoch elsewhere.

import { stripVTControlCharacters, styleText } from 'node:util';
import { check } from '../core/errors.js';

/** 'bar' redraws one line, 'line' prints one line per epoch, 'silent' prints nothing. */
export type ProgressMode = 'bar' | 'line' | 'silent';

/** As users write it: a mode, 'auto' (bar on a terminal, else line), or Keras's numbers 0, 1, 2. */
export type Verbosity = ProgressMode | 'auto' | 0 | 1 | 2;

/** Where the line goes: process.stdout, or anything like it. */
export type ProgressStream = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

const barWidth = 20;
const redrawMs = 50;

/** @throws OcellusError ERR_OCELLUS_OPTION for anything that is no verbosity */
export function progressMode(verbosity: Verbosity, stream: ProgressStream = process.stdout): ProgressMode {
  switch (verbosity) {
    case 0:
    case 'silent':
      return 'silent';
    case 1:
    case 'bar':
      return 'bar';
    case 2:
    case 'line':
      return 'line';
    default:
      check(verbosity === 'auto', 'ERR_OCELLUS_OPTION', () => ({
        where: 'verbose',
        expected: "'auto', 'bar', 'line', 'silent', 0, 1 or 2",
        got: verbosity,
      }));
      return stream.isTTY ? 'bar' : 'line';
  }
}

/**
 * Shows one run of steps after the other. Colours follow the terminal and NO_COLOR, FORCE_COLOR.
 *
 * @example
 * const progress = new ProgressLine('bar');
 * progress.start({ steps: 10, title: 'Epoch 1/5' });
 * for (let step = 1; step <= 10; step++) progress.update(step, { loss: 1 / step });
 * progress.finish({ loss: 0.1, val_loss: 0.2 });
 * // Epoch 1/5
 * // 10/10 ━━━━━━━━━━━━━━━━━━━━ 0s 12ms/step - loss: 0.1000 - val_loss: 0.2000
 */
export class ProgressLine {
  private steps: number | undefined;
  private title = '';
  private step = 0;
  private startMs = 0;
  private firstStepMs: number | undefined;
  private lastStepMs = 0;
  private lastDrawMs = Number.NEGATIVE_INFINITY;
  private drawnWidth = 0;

  constructor(
    private readonly mode: ProgressMode,
    private readonly stream: ProgressStream = process.stdout,
    /** Milliseconds. */
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Begins a run of `steps` (undefined: not known); `title` stands above the bar or before the line. */
  start({ steps, title = '' }: { steps?: number; title?: string } = {}): void {
    this.close();
    this.steps = steps;
    this.title = title;
    this.step = 0;
    this.startMs = this.now();
    this.firstStepMs = undefined;
    this.lastStepMs = this.startMs;
    this.lastDrawMs = Number.NEGATIVE_INFINITY;
    if (this.mode === 'bar' && title) this.stream.write(`${title}\n`);
  }

  /** `step` steps (from 1) are done; redraws at most every 50 ms. */
  update(step: number, metrics: Readonly<Record<string, number>>): void {
    if (this.mode === 'silent') return;
    const now = this.now();
    if (step === 1) this.firstStepMs = now;
    this.step = step;
    this.lastStepMs = now;
    // Without a terminal there is no line to draw over; finish() prints the last state.
    if (this.mode !== 'bar' || !this.stream.isTTY || now - this.lastDrawMs < redrawMs) return;
    this.lastDrawMs = now;
    this.draw(this.barText(this.steps) + this.paint('bold', this.timeText()), metricsText(metrics), false);
  }

  /** Ends the run with its last figures and the seconds it took. */
  finish(metrics: Readonly<Record<string, number>>): void {
    if (this.mode === 'silent') return;
    const elapsed = `${((this.now() - this.startMs) / 1000).toFixed(0)}s`;
    // Now, at the latest, the number of steps is known.
    const steps = Math.max(this.step, this.steps ?? 0);
    if (this.mode === 'bar') {
      this.draw(this.barText(steps) + this.paint('bold', elapsed), metricsText(metrics), true);
      return;
    }
    const title = this.title ? `${this.title} - ` : '';
    const count = `${countText(this.step, steps)} - ${elapsed} -${this.stepTimeText()}`;
    this.stream.write(`${title}${count}${metricsText(metrics)}\n`);
  }

  /** Leaves a line that was begun as it stands: for training that was stopped or failed. */
  close(): void {
    if (this.drawnWidth > 0) this.stream.write('\n');
    this.drawnWidth = 0;
  }

  private draw(head: string, metrics: string, last: boolean): void {
    const fixed = head + this.stepTimeText();
    // A terminal that does not know its size says 0.
    const room = (this.stream.columns || Number.POSITIVE_INFINITY) - 1 - plainLength(fixed);
    // A line that wraps cannot be drawn over; the last one may.
    const shown = last || metrics.length <= room ? metrics : `${metrics.slice(0, Math.max(0, room - 1))}…`;
    const text = fixed + shown;
    const width = plainLength(text);
    const back = this.drawnWidth > 0 ? '\r' : '';
    this.stream.write(back + text + ' '.repeat(Math.max(0, this.drawnWidth - width)) + (last ? '\n' : ''));
    this.drawnWidth = last ? 0 : width;
  }

  private barText(steps: number | undefined): string {
    if (!steps) return `${String(this.step).padStart(7)}/Unknown `;
    const done = Math.min(barWidth, Math.floor((barWidth * this.step) / steps));
    const green = '━'.repeat(done);
    // Without colours the two parts must differ in form.
    const white = (this.paint('white', '━') === '━' ? '╌' : '━').repeat(barWidth - done);
    const bar = (done > 0 ? this.paint('green', green) : '') + (done < barWidth ? this.paint('white', white) : '');
    return `${this.paint('bold', countText(this.step, steps))} ${bar} `;
  }

  /** Time to go, or, when the number of steps is unknown, time gone. */
  private timeText(): string {
    if (!this.steps) return `${((this.lastStepMs - this.startMs) / 1000).toFixed(0)}s`;
    const seconds = (this.stepMs() * Math.max(0, this.steps - this.step)) / 1000;
    const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
    if (seconds > 3600) return `${h}:${twoDigits(m)}:${twoDigits(s)}`;
    return seconds > 60 ? `${m}:${twoDigits(s)}` : `${Math.floor(seconds)}s`;
  }

  /** The first step, which plans and warms up, does not count, nor what follows the last. */
  private stepMs(): number {
    if (this.firstStepMs !== undefined && this.step > 1) return (this.lastStepMs - this.firstStepMs) / (this.step - 1);
    return (this.lastStepMs - this.startMs) / Math.max(1, this.step);
  }

  private stepTimeText(): string {
    const ms = this.stepMs();
    if (ms >= 1000 || ms === 0) return ` ${(ms / 1000).toFixed(0)}s/step`;
    return ms >= 1 ? ` ${ms.toFixed(0)}ms/step` : ` ${(ms * 1000).toFixed(0)}us/step`;
  }

  private paint(format: 'bold' | 'green' | 'white', text: string): string {
    return styleText(format, text, { stream: this.stream });
  }
}

/** " - loss: 0.1234 - accuracy: 0.9712"; small values in scientific form. */
export function metricsText(metrics: Readonly<Record<string, number>>): string {
  return Object.entries(metrics)
    .map(([name, value]) => ` - ${name}: ${metricText(value)}`)
    .join('');
}

function metricText(value: number): string {
  if (Math.abs(value) > 1e-3 || !Number.isFinite(value)) return value.toFixed(4);
  // Two digits of exponent, as C prints it.
  return value.toExponential(4).replace(/([+-])(\d)$/, '$10$2');
}

function countText(step: number, steps: number): string {
  return `${String(step).padStart(String(steps).length)}/${steps}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}

function plainLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
