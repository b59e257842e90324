// Where a command's words go: for people to standard output, or with --json as JSON lines, one object a line.

import { OcellusError } from '../core/errors.js';

/** Ends a command with this exit code; documented in `ocellus --help`. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

export class Io {
  constructor(
    readonly json: boolean,
    private readonly stdout: NodeJS.WritableStream = process.stdout,
    private readonly stderr: NodeJS.WritableStream = process.stderr,
  ) {}

  /** For people: silent with --json. */
  say(text = ''): void {
    if (!this.json) this.stdout.write(`${text}\n`);
  }

  /** For programs: silent without --json. */
  emit(event: string, values: object): void {
    if (this.json) this.stdout.write(`${JSON.stringify({ event, ...values })}\n`);
  }

  /** What people should know whatever they asked for. */
  warn(text: string): void {
    this.stderr.write(`${text}\n`);
  }

  /** An error in one sentence with its help; the stack only of what is no error of ours. */
  fail(error: unknown): void {
    if (error instanceof OcellusError) this.warn(`${error.message} [${error.code}]`);
    else this.warn(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}
