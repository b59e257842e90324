#!/usr/bin/env node
// The file behind the command `ocellus`.

import { runProgram } from './program.js';

// Whoever reads may stop reading: `ocellus predict … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

process.exitCode = await runProgram(process.argv.slice(2));
