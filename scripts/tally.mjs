// Counts what holds and what does not, over programs that end with a line `N passed, N failed`.
import { spawnSync } from 'node:child_process';
import { root, say } from './shared.mjs';

const longest = 6000;

export class Tally {
  passed = 0;
  failed = 0;

  /** One check: `problem` is null (or empty) when it holds. Returns whether it does. */
  check(name, problem) {
    if (problem) this.failed++;
    else this.passed++;
    say(problem ? `FAILED ${name}\n${problem.slice(-longest)}` : `ok     ${name}`);
    return !problem;
  }

  /** Runs a program and adds up the counts it ends with; one that ends badly without counts is one failure. */
  program(name, command, env = {}) {
    const [program, ...args] = command;
    const options = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1 << 28 };
    const result = spawnSync(program, args, options);
    const counts = /^(\d+) passed, (\d+) failed$/m.exec(result.stdout ?? '');
    const output = `${result.stdout ?? ''}${result.stderr ?? ''}${result.error?.message ?? ''}`;
    this.passed += Number(counts?.[1] ?? 0);
    this.failed += Number(counts?.[2] ?? 0);
    if (result.status === 0 && counts) {
      say(`ok     ${name}: ${counts[0]}`);
    } else {
      if (!Number(counts?.[2])) this.failed++;
      say(`FAILED ${name} (ended with ${result.signal ?? result.status})\n${output.slice(-longest)}`);
    }
  }

  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed > 0 ? 1 : 0;
  }
}
