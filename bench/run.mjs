// `npm run bench -- <bench> [options]`; `--help` lists them. One line per result, as text or (--json) as JSON.

import { OcellusError } from '../dist/core/errors.js';
import { parseOptions, usage } from './options.mjs';
import { Report } from './report.mjs';

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(usage());
  } else {
    const { run } = await import(`./${options.bench}.mjs`);
    await run(options, new Report(options).print);
  }
} catch (error) {
  if (!(error instanceof OcellusError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
