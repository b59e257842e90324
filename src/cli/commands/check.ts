// `check`: what may be wrong with a folder of pictures, before anything is trained with it.

import type { Command } from 'commander';
import { load } from '../../model/load.js';
import { type DuplicateGroup, findDuplicates } from '../check/duplicates.js';
import { type SeenImage, surveyFolder } from '../check/survey.js';
import { type Suspect, suspectsByLooks, suspectsByModel } from '../check/suspects.js';
import { countClasses, countOrientations, tallySizes, unevenClasses } from '../check/tally.js';
import { inputOf } from '../data/labelled.js';
import { exitCodes, type Io } from '../io.js';
import { wholeNumber } from '../parse.js';
import type { Register } from '../program.js';
import { backendChoice, type ComputeOptions, computeOptions, examples } from './shared.js';

interface CheckOptions extends ComputeOptions {
  model?: string;
  top: number;
}

export function addCheck(program: Command, register: Register): void {
  const command = program
    .command('check <folder>')
    .description(
      'looks for corrupt files, duplicates, uneven classes, odd sizes and wrong labels in a folder of pictures',
    )
    .option('--model <file>', 'a trained model, to find wrong labels by; default: by what pictures look like')
    .option('--top <n>', 'findings of a kind to print; --json has all', wholeNumber(1), 10);
  examples(command, [
    ['ocellus check ./photos', ''],
    ['ocellus check ./photos --model runs/train/model.safetensors', 'wrong labels as the model sees them'],
    ['ocellus check ./photos --json | grep corrupt', ''],
  ]).addHelpText(
    'after',
    '\nExit codes: 0 nothing serious, 1 there are corrupt files, duplicates across parts or duplicates in two classes.',
  );
  computeOptions(command).action((folder: string, options: CheckOptions) =>
    register(options.json ?? false, (io) => checkFolder(io, folder, options)),
  );
}

async function checkFolder(io: Io, folder: string, options: CheckOptions): Promise<number> {
  const { images, corrupt, classNames, warnings } = await surveyFolder(folder);
  io.say(`${folder}: ${images.length} pictures can be decoded, ${corrupt.length} cannot`);
  for (const warning of warnings) {
    io.say(`warning: ${warning}`);
    io.emit('warning', { warning });
  }
  const list = <T>(title: string, items: readonly T[], line: (item: T) => string) => {
    if (items.length === 0) return;
    io.say(`\n${title}`);
    for (const item of items.slice(0, options.top)) io.say(`  ${line(item)}`);
    if (items.length > options.top) io.say(`  … and ${items.length - options.top} more`);
  };
  list(
    `${corrupt.length} files cannot be decoded; training passes over them:`,
    corrupt,
    ({ name, reason }) => `${name}: ${reason}`,
  );
  for (const file of corrupt) io.emit('corrupt', file);
  tellCounts(io, images, classNames);
  const groups = findDuplicates(images);
  const serious = groups.map((group) => troubleOf(group, images));
  list('Duplicates:', groups, (group) => groupText(group, images));
  groups.forEach(({ members, isExact }, i) => {
    io.emit('duplicates', { files: members.map((at) => images[at].name), exact: isExact, trouble: serious[i] });
  });
  const suspects = await findSuspects(io, images, groups, options);
  list('Perhaps in the wrong folder:', suspects, ({ index, looksLike, share, ownShare }) => {
    const { name, className } = images[index];
    return `${name}: looks like '${looksLike}' (${percent(share)}, '${className}' ${percent(ownShare)})`;
  });
  for (const { index, ...suspect } of suspects) {
    io.emit('suspect', { file: images[index].name, className: images[index].className, ...suspect });
  }
  const troubled = serious.filter((trouble) => trouble.length > 0).length;
  const isFine = corrupt.length === 0 && troubled === 0;
  const counts = { images: images.length, corrupt: corrupt.length, duplicates: groups.length };
  io.say(
    isFine ? '\nNothing serious.' : `\n${corrupt.length} corrupt files, ${troubled} groups of harmful duplicates.`,
  );
  io.emit('result', { ...counts, harmfulDuplicates: troubled, suspects: suspects.length, ok: isFine });
  return isFine ? exitCodes.ok : exitCodes.failure;
}

function tellCounts(io: Io, images: readonly SeenImage[], classNames: readonly string[]): void {
  const counts = countClasses(images, classNames);
  const sizes = tallySizes(images);
  const orientations = countOrientations(images);
  const turned = Object.values(orientations).reduce((sum, count) => sum + count, 0);
  io.say(
    `\nMedian size ${sizes.median.join('x')}; ${sizes.tiny.length} smaller than 32 pixels, ${sizes.long.length} longer than 3:1.`,
  );
  if (turned > 0) io.say(`${turned} pictures are turned by EXIF; they are read upright.`);
  for (const split of new Set(counts.map((count) => count.split))) {
    const own = counts.filter((count) => count.split === split);
    io.say(`${split}: ${own.map(({ className, images: count }) => `${className} ${count}`).join(', ')}`);
  }
  const uneven = unevenClasses(counts);
  for (const text of uneven) io.say(`warning: ${text}`);
  io.emit('classes', { counts, uneven });
  io.emit('sizes', sizes);
  io.emit('orientation', { counts: orientations });
}

/** What makes duplicates harmful: they are learned and asked, or taught as two things. */
function troubleOf({ members }: DuplicateGroup, images: readonly SeenImage[]): string[] {
  const splits = new Set(members.map((i) => images[i].split));
  const classes = new Set(members.map((i) => images[i].className));
  return [
    ...(splits.size > 1 ? [`in ${[...splits].join(' and ')}`] : []),
    ...(classes.size > 1 ? [`in the classes ${[...classes].map((name) => `'${name}'`).join(' and ')}`] : []),
  ];
}

/** Names of a group that are printed. */
const shown = 4;

function groupText(group: DuplicateGroup, images: readonly SeenImage[]): string {
  const names = group.members.slice(0, shown).map((i) => images[i].name);
  const more = group.members.length > shown ? ` and ${group.members.length - shown} more` : '';
  const trouble = troubleOf(group, images);
  const told = trouble.length > 0 ? ` (${trouble.join(', ')})` : '';
  return `${group.isExact ? 'the same' : 'nearly the same'}: ${names.join(', ')}${more}${told}`;
}

async function findSuspects(
  io: Io,
  images: readonly SeenImage[],
  groups: readonly DuplicateGroup[],
  options: CheckOptions,
): Promise<readonly Suspect[]> {
  if (options.model) {
    const model = await load(options.model, { ...backendChoice(options), compile: false });
    return suspectsByModel(model, inputOf(model, options.model), images);
  }
  const found = suspectsByLooks(images, groups);
  if (!found) {
    io.say(
      '\nBy their looks these classes cannot be told apart, or there are too few pictures: --model finds wrong labels.',
    );
  }
  return found ?? [];
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
