// The command `ocellus`: its commands, options and exit codes. Options are named as in the API; --batchSize, --batch-size
// and batchSize=32 mean the same.

import { Command, CommanderError } from 'commander';
import { addBench } from './commands/bench.js';
import { addCheck } from './commands/check.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addEvaluate } from './commands/evaluate.js';
import { addExport } from './commands/export.js';
import { addProfile, addSummary } from './commands/inspect.js';
import { addRateFinder } from './commands/lr-find.js';
import { addPredict } from './commands/predict.js';
import { addReport } from './commands/report.js';
import { addTrain } from './commands/train.js';
import { exitCodes, Io } from './io.js';

const examples = `
Examples:
  ocellus train ./photos                       a folder of class folders, or train/ and val/ of them
  ocellus train ./cifar10 --time 10m           or files of CIFAR, MNIST or NumPy
  ocellus predict runs/train/model.safetensors cat.jpg dog.jpg
  ocellus evaluate runs/train/model.safetensors ./photos
  ocellus check ./photos                       corrupt files, duplicates, wrong labels
  ocellus doctor

Exit codes: 0 done, 1 failed, 2 a call that cannot be understood, 130 interrupted (a checkpoint is written).`;

/** What a command does; the number it gives is the exit code, none means 0. */
export type Action = (io: Io) => Promise<number | undefined>;
/** Commands hand over what to do; it runs when the call has been read as a whole. */
export type Register = (json: boolean, action: Action) => void;

/**
 * Runs one call of the command.
 *
 * @param args without node and the script
 * @returns the exit code
 */
export async function runProgram(
  args: readonly string[],
  stdout: NodeJS.WritableStream = process.stdout,
  stderr: NodeJS.WritableStream = process.stderr,
): Promise<number> {
  let todo: { json: boolean; action: Action } | undefined;
  const program = buildProgram((json, action) => {
    todo = { json, action };
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    });
  }
  try {
    await program.parseAsync(spelled(args, program), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  }
  if (!todo) return exitCodes.ok;
  const io = new Io(todo.json, stdout, stderr);
  try {
    return (await todo.action(io)) ?? exitCodes.ok;
  } catch (error) {
    io.fail(error);
    io.emit('error', error instanceof Error ? { code: (error as { code?: string }).code, message: error.message } : {});
    return exitCodes.failure;
  }
}

function buildProgram(register: Register): Command {
  const program = new Command('ocellus')
    .description('Trains and runs convolutional networks on the CPU.')
    .addHelpText('after', examples)
    .showHelpAfterError('(--help shows what there is)')
    .showSuggestionAfterError();
  addTrain(program, register);
  addRateFinder(program, register);
  addCheck(program, register);
  addEvaluate(program, register);
  addPredict(program, register);
  addReport(program, register);
  addSummary(program, register);
  addProfile(program, register);
  addExport(program, register);
  addBench(program, register);
  addDoctor(program, register);
  addDemo(program, register);
  return program;
}

/** `--batchSize 8` and `batchSize=8` as `--batch-size 8`, for options that some command has. */
function spelled(args: readonly string[], program: Command): string[] {
  const known = new Set(program.commands.flatMap(({ options }) => options.map(({ long }) => long)));
  const kebab = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  return args.map((argument) => {
    const [, name, value = ''] = /^(?:--)?([a-z][A-Za-z]*)(=.*)?$/.exec(argument) ?? [];
    const isOption = name && (argument.startsWith('--') || value !== '') && known.has(kebab(name));
    return isOption ? `${kebab(name)}${value}` : argument;
  });
}
