// A run is a folder: runs/train, runs/train2, … with everything that a training leaves behind.

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { OcellusError } from '../../core/errors.js';
import { writeFileAtomic } from '../../io/atomic.js';
import { curvesPanel } from '../../report/curves.js';
import type { CurvesPanel } from '../../report/data.js';

/** Most runs that a folder may hold. */
const most = 10_000;

export class RunFolder {
  constructor(readonly folder: string) {}

  /** Makes the first of train, train2, … that is not there. */
  static async create(parent: string, name: string): Promise<RunFolder> {
    await mkdir(parent, { recursive: true });
    for (let count = 1; count <= most; count++) {
      const folder = path.join(parent, count === 1 ? name : `${name}${count}`);
      try {
        await mkdir(folder);
        return new RunFolder(folder);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
    throw new OcellusError('ERR_OCELLUS_DATA', { where: parent, expected: `at most ${most} runs`, got: 'more' });
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  /** Takes away what a process that was killed had begun to write. */
  async sweep(): Promise<void> {
    const names = await readdir(this.folder).catch(() => []);
    for (const name of names.filter((one) => /^\..*\.tmp$|\.new$/.test(one)))
      await rm(this.file(name), { force: true });
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await writeFileAtomic(this.file(name), Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
  }

  /** @throws OcellusError ERR_OCELLUS_DATA when this is no folder of a run */
  async readJson(name: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(this.file(name), 'utf8'));
    } catch (cause) {
      throw new OcellusError('ERR_OCELLUS_DATA', {
        where: this.file(name),
        expected: 'what `ocellus train` has written',
        got: (cause as Error).message,
        help: '--resume takes the folder of a run: runs/train',
        cause,
      });
    }
  }
}

/** The epochs that the run's results.csv tells of; none where there is no such file. */
export async function readCurves(run: RunFolder, monitor: string, epochs = 0): Promise<CurvesPanel> {
  const csv = await readFile(run.file('results.csv'), 'utf8').catch(() => '');
  return curvesPanel(csv, monitor, epochs);
}
