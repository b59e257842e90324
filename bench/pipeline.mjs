// Does reading pictures keep the kernels fed? Training on pictures from files beside training on the same pictures
// decoded in memory before: `ratio` is the speed of the first over that of the second.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bestAndMedian, round } from './measure.mjs';
import { inProcess } from './process.mjs';

const signDigits = '../shared/data/sign-digits/sign-digits-600.tar';
const generated = { classes: 10, images: 5000, side: 256 };

/**
 * How pictures come: as one array; as `ocellus train` reads them from files, decoded before the first epoch and kept, and
 * besides changed at random; decoded anew in every epoch.
 */
const ways = ['memory', 'kept', 'augmented', 'decoded'];

export async function run(options, print) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ocellus-pipeline-'));
  try {
    for (const { name, make } of options.data ? [{ name: options.data, make: () => options.data }] : sets) {
      const data = await make(folder, (reason) => print({ bench: 'pipeline', data: name, absent: reason }));
      if (data) await measureSet(name, data, options, print);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sets = [
  { name: 'sign-digits', make: unpackSignDigits },
  { name: `${generated.images} JPEG files of ${generated.side}x${generated.side}`, make: generateJpegs },
];

async function measureSet(name, folder, options, print) {
  const { epochs = 3, rounds = 2, batch: [batchSize] = [32], threads: [threads] = [2], isa } = options;
  const task = { folder, size: 64, batchSize, epochs, threads, isa };
  const results = Object.fromEntries(ways.map((way) => [way, []]));
  for (let turn = 0; turn < rounds; turn++) {
    for (const way of ways) results[way].push(await inProcess('./workers/pipeline.mjs', { ...task, way }));
  }
  const times = ways.map((way) => bestAndMedian(results[way].flatMap(({ perImage }) => perImage)));
  for (const [i, way] of ways.entries()) {
    const { images, rssMiB } = results[way].at(-1);
    print({
      bench: 'pipeline',
      data: name,
      way,
      images,
      batch: batchSize,
      threads,
      imagesPerSecond: round(1000 / times[i].ms, 0),
      ratio: round(times[0].ms / times[i].ms),
      medianRatio: round(times[0].medianMs / times[i].medianMs),
      rssMiB: rssMiB.map((value) => round(value, 0)).join(' '),
    });
  }
}

function unpackSignDigits(folder, tellAbsence) {
  if (!existsSync(signDigits)) {
    tellAbsence(`${signDigits} is not there`);
    return undefined;
  }
  const target = path.join(folder, 'signs');
  mkdirSync(target);
  execFileSync('tar', ['-xf', signDigits, '-C', target]);
  return target;
}

/** Photograph-like pictures: smooth colours, some edges, some noise; about 20 kB each. */
async function generateJpegs(folder) {
  const { default: sharp } = await import('sharp');
  const target = path.join(folder, 'jpegs');
  const { classes, images, side } = generated;
  for (let n = 0; n < images; n += classes) {
    const row = Array.from({ length: classes }, (_, c) => c);
    await Promise.all(
      row.map(async (c) => {
        if (n === 0) await mkdir(path.join(target, `class${c}`), { recursive: true });
        const pixels = Buffer.alloc(side * side * 3);
        let state = 1 + n + c;
        for (let i = 0; i < pixels.length; i++) {
          const [x, y, channel] = [Math.floor(i / 3) % side, Math.floor(i / 3 / side), i % 3];
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          const edge = (x * (c + 1) + y * 3 + n) % 97 < 40 ? 60 : 0;
          pixels[i] = 60 + edge + (x >> 2) + 12 * channel + (state >>> 28);
        }
        const raw = { width: side, height: side, channels: 3 };
        await sharp(pixels, { raw })
          .jpeg({ quality: 85 })
          .toFile(path.join(target, `class${c}`, `${n}.jpg`));
      }),
    );
  }
  return target;
}
