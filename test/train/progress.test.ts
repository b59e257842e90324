// The progress line, character for character, under a clock that the test holds.

import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  metricsText,
  ProgressLine,
  type ProgressStream,
  progressMode,
  type Verbosity,
} from '../../src/train/progress.js';

class Screen extends PassThrough {
  text = '';
  constructor(
    readonly isTTY: boolean,
    public columns: number | undefined = undefined,
    private readonly depth = 8,
  ) {
    super();
  }
  override write(text: unknown): boolean {
    this.text += text;
    return true;
  }
  getColorDepth(): number {
    return this.depth;
  }
  /** What the terminal shows in the end: text after a carriage return lies over what was there. */
  get shown(): string[] {
    return stripVTControlCharacters(this.text.replaceAll('\r', '\u0001'))
      .split('\n')
      .map((line) =>
        line
          .split('\u0001')
          .reduce((below, over) => over + below.slice(over.length), '')
          .trimEnd(),
      );
  }
}

let clock = 0;
const now = () => clock;
const environment = { ...process.env };

beforeEach(() => {
  clock = 1000;
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'NODE_DISABLE_COLORS']) delete process.env[name];
});
afterEach(() => {
  process.env = { ...environment };
  vi.restoreAllMocks();
});

function bar(columns?: number, depth?: number): { screen: Screen; line: ProgressLine } {
  const screen = new Screen(true, columns, depth);
  return { screen, line: new ProgressLine('bar', screen, now) };
}

describe('the bar', () => {
  it('looks as expected, colours included', () => {
    const { screen, line } = bar();
    line.start({ steps: 10, title: 'Epoch 1/5' });
    clock += 500;
    line.update(1, { loss: 2.5016 });
    expect(screen.text).toBe(
      'Epoch 1/5\n' +
        '\u001b[1m 1/10\u001b[22m \u001b[32m━━\u001b[39m\u001b[37m━━━━━━━━━━━━━━━━━━\u001b[39m' +
        ' \u001b[1m4s\u001b[22m 500ms/step - loss: 2.5016',
    );
    for (let step = 2; step <= 10; step++) {
      clock += 12;
      line.update(step, { loss: 0.1234, accuracy: 0.97123 });
    }
    clock += 900;
    screen.text = '';
    line.finish({ loss: 0.1234, accuracy: 0.9712, val_loss: 0.00012345 });
    expect(screen.text).toBe(
      '\r\u001b[1m10/10\u001b[22m \u001b[32m━━━━━━━━━━━━━━━━━━━━\u001b[39m' +
        ' \u001b[1m2s\u001b[22m 12ms/step - loss: 0.1234 - accuracy: 0.9712 - val_loss: 1.2345e-04\n',
    );
  });

  it('redraws no more often than every 50 ms', () => {
    const { screen, line } = bar();
    line.start({ steps: 1000 });
    for (let step = 1; step <= 1000; step++) {
      clock += 1;
      line.update(step, { loss: 1 });
    }
    expect(screen.text.split('━ ').length - 1).toBeLessThanOrEqual(20);
    expect(screen.text.split('\r').length - 1).toBe(19);
  });

  it('covers what a longer line left behind', () => {
    const { screen, line } = bar();
    line.start({ steps: 3 });
    clock += 100;
    line.update(1, { loss: 123456.5, something: 1.5 });
    clock += 100;
    line.update(2, { loss: 1.5 });
    clock += 100;
    line.update(3, { loss: 0.5 });
    line.finish({ loss: 0.5 });
    expect(screen.shown).toEqual([`3/3 ${'━'.repeat(20)} 0s 100ms/step - loss: 0.5000`, '']);
  });

  it.each([
    [59.9, '59s'],
    [60.5, '1:00'],
    [3599.5, '59:59'],
    [3661, '1:01:01'],
    [90061, '25:01:01'],
  ])('shows %f seconds to go as %s', (seconds, text) => {
    const { screen, line } = bar();
    line.start({ steps: 2 });
    clock += seconds * 1000;
    line.update(1, {});
    expect(screen.shown[0]).toContain(`━ ${text} `);
  });

  it.each([
    [0, '0s/step'],
    [0.25, '250us/step'],
    [12.4, '12ms/step'],
    [999, '999ms/step'],
    [2600, '3s/step'],
  ])('shows a step of %f ms as %s, without the first', (ms, text) => {
    const { screen, line } = bar();
    line.start({ steps: 4 });
    clock += 60_000;
    line.update(1, {});
    clock += 3 * ms;
    line.update(4, {});
    // Validation, saving and other work after the last step are no part of a step.
    clock += 77_000;
    line.finish({});
    expect(screen.shown.at(-2)?.endsWith(` ${text}`)).toBe(true);
  });

  it('counts all steps when the first was never reported', () => {
    const { screen, line } = bar();
    line.start({ steps: 10 });
    clock += 100;
    line.update(5, {});
    expect(screen.shown[0]).toMatch(/^ 5\/10 ━{20} 0s 20ms\/step$/);
  });

  it('works without a known number of steps', () => {
    const { screen, line } = bar();
    line.start();
    clock += 3000;
    line.update(1, { loss: 1 });
    expect(screen.shown[0]).toBe('      1/Unknown 3s 3s/step - loss: 1.0000');
    clock += 1000;
    line.update(2, { loss: 1 });
    line.finish({ loss: 1 });
    expect(screen.shown[0]).toBe(`2/2 ${'━'.repeat(20)} 4s 1s/step - loss: 1.0000`);
  });

  it('stays within a narrow terminal until the last line', () => {
    const { screen, line } = bar(50);
    line.start({ steps: 5 });
    clock += 100;
    line.update(1, { loss: 1, accuracy: 0.5, precision: 0.5 });
    expect(screen.shown[0]).toBe(`1/5 ${'━'.repeat(20)} 0s 100ms/step - loss: 1…`);
    expect(screen.shown[0].length).toBe(49);
    line.finish({ loss: 1, accuracy: 0.5, precision: 0.5 });
    expect(screen.shown[0]).toMatch(/precision: 0\.5000$/);
  });

  it('takes a width of 0 for unknown', () => {
    const { screen, line } = bar(0);
    line.start({ steps: 5 });
    clock += 100;
    line.update(1, { loss: 1 });
    expect(screen.shown[0]).toMatch(/loss: 1\.0000$/);
  });

  it('tells done from to do without colours', () => {
    const { screen, line } = bar(undefined, 1);
    line.start({ steps: 4 });
    clock += 100;
    line.update(1, {});
    expect(screen.text).toBe(`1/4 ━━━━━${'╌'.repeat(15)} 0s 100ms/step`);
  });

  it('ends a line that was left open, once', () => {
    const { screen, line } = bar();
    line.start({ steps: 4 });
    line.close();
    expect(screen.text).toBe('');
    line.update(1, {});
    line.close();
    line.close();
    expect(screen.text.endsWith('/step\n')).toBe(true);
    line.start({ steps: 4, title: 'again' });
    line.update(1, {});
    line.start({ steps: 4, title: 'once more' });
    expect(screen.shown.at(-2)).toBe('once more');
  });

  it('prints only last lines when the stream is no terminal', () => {
    const screen = new Screen(false, undefined, 1);
    const line = new ProgressLine('bar', screen, now);
    line.start({ steps: 2, title: 'Epoch 1/1' });
    for (const step of [1, 2]) {
      clock += 100;
      line.update(step, { loss: 1 });
    }
    line.finish({ loss: 1 });
    expect(screen.text).toBe(`Epoch 1/1\n2/2 ${'━'.repeat(20)} 0s 100ms/step - loss: 1.0000\n`);
  });
});

describe('other modes', () => {
  it('prints one line per epoch', () => {
    const screen = new Screen(false);
    const line = new ProgressLine('line', screen, now);
    for (const epoch of [1, 2]) {
      line.start({ steps: 2, title: `Epoch ${epoch}/2` });
      for (const step of [1, 2]) {
        clock += 1500;
        line.update(step, { loss: step });
      }
      line.finish({ loss: epoch, accuracy: 0.5 });
    }
    line.start({ steps: 12 });
    line.update(12, {});
    line.finish({ loss: Number.NaN });
    expect(screen.text).toBe(
      'Epoch 1/2 - 2/2 - 3s - 2s/step - loss: 1.0000 - accuracy: 0.5000\n' +
        'Epoch 2/2 - 2/2 - 3s - 2s/step - loss: 2.0000 - accuracy: 0.5000\n' +
        '12/12 - 0s - 0s/step - loss: NaN\n',
    );
  });

  it('says nothing when silent', () => {
    const screen = new Screen(true);
    const line = new ProgressLine('silent', screen, now);
    line.start({ steps: 1, title: 'x' });
    line.update(1, { loss: 1 });
    line.finish({ loss: 1 });
    line.close();
    expect(screen.text).toBe('');
  });

  it('chooses by terminal', () => {
    const [terminal, file] = [new Screen(true), new Screen(false)] as ProgressStream[];
    expect([progressMode('auto', terminal), progressMode('auto', file)]).toEqual(['bar', 'line']);
    expect(([0, 1, 2, 'bar', 'line', 'silent'] as Verbosity[]).map((value) => progressMode(value, file))).toEqual([
      'silent',
      'bar',
      'line',
      'bar',
      'line',
      'silent',
    ]);
    for (const odd of [3, true, 'loud', null]) {
      expect(() => progressMode(odd as Verbosity)).toThrow(
        /verbose: expected 'auto', 'bar', 'line', 'silent', 0, 1 or 2/,
      );
    }
  });

  it('writes numbers as Keras does', () => {
    expect(metricsText({ a: 1, b: 0.001, c: 0.0010001, d: 0, e: -0.5, f: 1e-12, g: -Infinity, h: 123456.789 })).toBe(
      ' - a: 1.0000 - b: 1.0000e-03 - c: 0.0010 - d: 0.0000e+00 - e: -0.5000 - f: 1.0000e-12 - g: -Infinity - h: 123456.7890',
    );
  });
});
