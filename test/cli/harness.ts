// Calls of the command in this process, with what it wrote.

import { Writable } from 'node:stream';
import { runProgram } from '../../src/cli/program.js';

/** A stream that keeps what is written to it. */
class Sink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export async function call(...args: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const code = await runProgram(args, stdout, stderr);
  const lines = () =>
    stdout.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  return { code, out: stdout.text, lines, err: stderr.text };
}
