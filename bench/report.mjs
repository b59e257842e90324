// Lines of results: JSON or text, beside the line of an earlier run that measured the same.

import { readFileSync } from 'node:fs';
import { OcellusError } from '../dist/core/errors.js';
import { round } from './measure.mjs';

/** What a line is about; the rest of it is what was measured. */
const identity = [
  'bench',
  'net',
  'n',
  'layer',
  'pass',
  'algorithm',
  'summary',
  'mode',
  'batch',
  'threads',
  'backend',
  'peer',
];
/** Figures worth comparing with those of another run. */
const figures = [
  'ms',
  'medianMs',
  'peerMs',
  'nativeMs',
  'typescriptMs',
  'gflops',
  'fractionOfPeak',
  'ratio',
  'peakRssMiB',
];

export class Report {
  /** @param {string} [against] file of an earlier run with --json */
  constructor({ json, against }, write = (text) => process.stdout.write(`${text}\n`)) {
    this.json = json;
    this.write = write;
    this.old = against ? readLines(against) : [];
  }

  print = (line) => {
    const before = this.earlier(line);
    const was =
      before && Object.fromEntries(figures.filter((f) => f in line && f in before).map((f) => [f, before[f]]));
    this.write(this.json ? JSON.stringify(was ? { ...line, was } : line) : textOf(line, was ?? {}));
  };

  /** The line of the earlier run about the same, of the same instruction set where there are several. */
  earlier(line) {
    const same = this.old.filter((other) => identity.every((key) => other[key] === line[key]));
    return same.find((other) => other.isa === line.isa) ?? same[0];
  }
}

function textOf({ bench, ...rest }, was) {
  const words = Object.entries(rest).map(([key, value]) => {
    const change = key in was && was[key] !== 0 ? round(100 * (value / was[key] - 1), 1) : null;
    return `${key} ${value}${change === null ? '' : ` (was ${was[key]}, ${change > 0 ? '+' : ''}${change} %)`}`;
  });
  return `${bench.padEnd(9)} ${words.join('  ')}`;
}

function readLines(file) {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'));
  if (lines.length > 0) return lines.map((line) => JSON.parse(line));
  throw new OcellusError('ERR_OCELLUS_DATA', { where: file, expected: 'lines of a bench with --json', got: 'none' });
}
