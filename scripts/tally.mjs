// Counts what holds and what does not, over programs that end with a line `N passed, N failed`.
import { spawn } from 'node:child_process';
import os from 'node:os';
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
  async program(name, command, env = {}) {
    const { status, output } = await execute(command, env);
    const counts = /^(\d+) passed, (\d+) failed$/m.exec(output);
    this.passed += Number(counts?.[1] ?? 0);
    this.failed += Number(counts?.[2] ?? 0);
    if (status === 0 && counts) {
      say(`ok     ${name}: ${counts[0]}`);
    } else {
      if (!Number(counts?.[2])) this.failed++;
      say(`FAILED ${name} (ended with ${status})\n${output.slice(-longest)}`);
    }
  }

  /** Runs programs, as many at a time as there are processors: [name, command, env] each. */
  async programs(list) {
    const waiting = [...list];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.program(...next);
    };
    await Promise.all(Array.from({ length: os.availableParallelism() }, work));
  }

  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    process.exitCode = this.failed > 0 ? 1 : 0;
  }
}

/** How a program ended, a number or the name of a signal, and what it said. */
function execute([program, ...args], env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr']) {
      child[name].setEncoding('utf8').on('data', (text) => {
        said[name] += text;
      });
    }
    child.on('error', (error) => resolve({ status: error.message, output: error.message }));
    child.on('close', (code, signal) => resolve({ status: signal ?? code, output: said.stdout + said.stderr }));
  });
}
