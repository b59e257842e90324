// The lectures in code run, and what they claim holds: every example asserts.

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from './snippets.js';

const folder = path.join(root, 'examples/lectures');
const examples = readdirSync(folder).filter((file) => file.endsWith('.mjs'));
const isBuilt = existsSync(path.join(root, 'dist/index.js'));
if (!isBuilt) console.warn('lectures skipped: dist/ is not built (npm run build)');

describe.skipIf(!isBuilt)('examples/lectures', () => {
  test.each(examples)('%s', (file) => {
    const printed = execFileSync(process.execPath, [path.join(folder, file)], { encoding: 'utf8', cwd: root });
    expect(printed).not.toContain('NaN');
  });
});
