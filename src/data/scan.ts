// Finds pictures in class folders, train/ val/ test/ or not, without opening any: names and sizes only.

import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { check, OcellusError } from '../core/errors.js';
import { imageExtensions } from './image-format.js';

/** A picture in a class folder. */
export interface ImageFile {
  /** Where it is. */
  readonly file: string;
  /** The same from the folder of the data set, with `/`: `train/cat/1.jpg`. */
  readonly name: string;
  readonly className: string;
  readonly bytes: number;
}

export type SplitName = 'train' | 'val' | 'test';

export interface FoundImages {
  /** Files in the order of their names. Without split folders all are in `train`. */
  readonly splits: Readonly<Partial<Record<SplitName, readonly ImageFile[]>>>;
  /** What may be a mistake: empty classes, folders that cannot be read. */
  readonly warnings: readonly string[];
}

const splitNames: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  test: 'test',
  testing: 'test',
};
const atOnce = 32;

/**
 * Walks through the folder. Symbolic links are followed, each real folder once a class, so that loops end. Names that
 * begin with a dot, and files whose names are not those of pictures, are passed over.
 *
 * @throws OcellusError ERR_OCELLUS_DATA when it cannot be read or has no pictures in class folders
 */
export async function findImages(root: string): Promise<FoundImages> {
  try {
    return await scanFolder(root);
  } catch (cause) {
    if (cause instanceof OcellusError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new OcellusError('ERR_OCELLUS_DATA', {
      where: root,
      expected: 'a folder of class folders',
      got: code === 'ENOTDIR' ? 'a file' : message,
      cause,
    });
  }
}

async function scanFolder(root: string): Promise<FoundImages> {
  const scan = new Scan(root);
  const { folders, images } = await scan.list(root);
  const isSplit = await scan.hasSplits(folders);
  check(
    isSplit || folders.length === 0 || folders.some((name) => !splitNames[name.toLowerCase()]),
    'ERR_OCELLUS_DATA',
    () => ({
      where: root,
      expected: 'a folder train beside the others',
      got: folders.join(', '),
    }),
  );
  const splits: Partial<Record<SplitName, ImageFile[]>> = {};
  if (isSplit) {
    for (const folder of folders) {
      const split = splitNames[folder.toLowerCase()];
      if (!split)
        scan.warnings.push(
          `'${folder}' beside '${folders.filter((name) => splitNames[name.toLowerCase()]).join("', '")}' is not used`,
        );
      else splits[split] = [...(splits[split] ?? []), ...(await scan.classes(path.join(root, folder)))];
    }
  } else splits.train = await scan.classes(root);
  const count = Object.values(splits).flat().length;
  check(count > 0, 'ERR_OCELLUS_DATA', () => ({
    where: root,
    expected: 'a folder of class folders with images in them, or train, val and test with such',
    got:
      images.length > 0
        ? `${images.length} images beside each other`
        : folders.length > 0
          ? `no image in ${folders.join(', ')}`
          : 'an empty folder',
    help: images.length > 0 ? 'put the images of each class into a folder of its own: cat/1.jpg, dog/2.jpg' : undefined,
  }));
  // A folder that is looked into twice tells its broken links twice.
  return { splits, warnings: [...new Set(scan.warnings)] };
}

interface Listing {
  readonly folders: readonly string[];
  readonly images: readonly string[];
}

class Scan {
  readonly warnings: string[] = [];

  constructor(private readonly root: string) {}

  /** Names of folders and images in a folder, sorted; what links lead to counts. */
  async list(folder: string): Promise<Listing> {
    const entries = await readdir(folder, { withFileTypes: true });
    const folders: string[] = [];
    const images: string[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const kind = entry.isSymbolicLink() ? await this.stat(path.join(folder, entry.name)) : entry;
      if (kind?.isDirectory()) folders.push(entry.name);
      else if (kind?.isFile() && imageExtensions.test(entry.name)) images.push(entry.name);
    }
    return { folders: folders.sort(byCodeUnits), images: images.sort(byCodeUnits) };
  }

  /** Whether a folder is called train and holds no images itself: else it is a class of that name. */
  async hasSplits(folders: readonly string[]): Promise<boolean> {
    for (const folder of folders) {
      if (splitNames[folder.toLowerCase()] !== 'train') continue;
      const inside = await this.list(path.join(this.root, folder));
      if (inside.folders.length > 0 || inside.images.length === 0) return true;
    }
    return false;
  }

  /** The images of all class folders in `folder`. */
  async classes(folder: string): Promise<ImageFile[]> {
    const found: ImageFile[] = [];
    const { folders, images } = await this.list(folder);
    if (images.length > 0 && folders.length > 0) {
      this.warnings.push(`${images.length} images in '${this.nameOf(folder)}' are in no class folder and not used`);
    }
    for (const className of folders) {
      const files = await this.walk(path.join(folder, className), className, [this.root, folder]);
      if (files.length === 0) this.warnings.push(`'${this.nameOf(path.join(folder, className))}' has no images`);
      found.push(...files);
    }
    return found;
  }

  private async walk(start: string, className: string, above: readonly string[]): Promise<ImageFile[]> {
    const seen = new Set(await Promise.all(above.map(async (folder) => identity(await stat(folder)))));
    const files: ImageFile[] = [];
    const waiting = [start];
    for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
      const own = await this.stat(folder);
      if (!own || seen.has(identity(own))) continue;
      seen.add(identity(own));
      const { folders, images } = await this.list(folder).catch((error): Listing => {
        this.warnings.push(`'${this.nameOf(folder as string)}' cannot be read: ${error.message}`);
        return { folders: [], images: [] };
      });
      for (const name of folders) waiting.push(path.join(folder, name));
      for (let at = 0; at < images.length; at += atOnce) {
        const some = images.slice(at, at + atOnce).map((name) => path.join(folder as string, name));
        const stats = await Promise.all(some.map((file) => this.stat(file)));
        some.forEach((file, i) => {
          const bytes = stats[i]?.size;
          if (bytes !== undefined) files.push({ file, name: this.nameOf(file), className, bytes });
        });
      }
    }
    return files.sort((a, b) => byCodeUnits(a.name, b.name));
  }

  /** What a path leads to; a link that leads nowhere, or only to itself, is told and passed over. */
  private async stat(file: string): Promise<Stats | undefined> {
    return stat(file).catch((error) => {
      this.warnings.push(`'${this.nameOf(file)}' cannot be read: ${error.message}`);
      return undefined;
    });
  }

  private nameOf(file: string): string {
    return path.relative(this.root, file).split(path.sep).join('/') || '.';
  }
}

const identity = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

/** The same order on every machine, whatever its language. */
export const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
