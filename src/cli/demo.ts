#!/usr/bin/env node
// `npm run demo`.

import { OcellusError } from '../core/errors.js';
import { demoHelp, parseDemoOptions } from './demo-options.js';
import { runDemo } from './demo-run.js';
import { Io } from './io.js';

async function main(args: string[]): Promise<void> {
  const options = parseDemoOptions(args);
  if (options.help) return console.log(demoHelp);
  return runDemo(new Io(options.json), options, 'npm run demo --');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof OcellusError ? `error: ${error.message}` : error);
  process.exitCode = 1;
});
