// Options that several commands have.

import { type Command, Option } from 'commander';
import type { BackendChoice } from '../../backend/select.js';
import { wholeNumber } from '../parse.js';

export interface ComputeOptions {
  threads?: number;
  backend?: 'native' | 'typescript';
  json?: boolean;
}

export function computeOptions(command: Command): Command {
  return command
    .option('--threads <n>', 'threads a step runs on; default: what affinity and cgroup allow', wholeNumber(1))
    .addOption(
      new Option('--backend <name>', 'what computes; default: native where it loads').choices(['native', 'typescript']),
    )
    .option('--json', 'JSON lines on standard output', false);
}

/** Those of them that were given. */
export const backendChoice = ({ threads, backend }: ComputeOptions): BackendChoice => ({
  ...(threads && { threads }),
  ...(backend && { backend }),
});

/** Calls with what they do, at the end of the help. */
export function examples(command: Command, calls: readonly (readonly [call: string, meaning: string])[]): Command {
  const width = Math.max(...calls.map(([call]) => call.length));
  const lines = calls.map(([call, meaning]) => `  ${call.padEnd(width)}  ${meaning}`.trimEnd());
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
