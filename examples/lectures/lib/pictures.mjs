// A photograph to look at, and where pictures go. Not a lecture of its own.
import { existsSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeImage } from 'ocellus';
import sharp from 'sharp';

const photo = fileURLToPath(new URL('../../../../shared/data/photos/astronaut.png', import.meta.url));

/** [size, size, channels] as bytes: a photograph, or where there is none a drawn house in the sun. */
export const photograph = (size, channels = 3) => decodeImage(existsSync(photo) ? photo : house, { size, channels });

const house = await sharp(
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">
    <rect width="256" height="160" fill="#8ec5ee"/><rect y="160" width="256" height="96" fill="#5d9b4a"/>
    <circle cx="210" cy="45" r="26" fill="#ffe25a"/><rect x="60" y="110" width="120" height="90" fill="#d9b48f"/>
    <path d="M45 110 L120 55 L195 110 Z" fill="#a33c2e"/><rect x="105" y="150" width="30" height="50" fill="#5b3a24"/>
    <rect x="75" y="128" width="22" height="22" fill="#eef"/><rect x="145" y="128" width="22" height="22" fill="#eef"/></svg>`),
)
  .png()
  .toBuffer();

/** Where pictures are written: the folder named on the command line, else one for what may go away. */
export const folder = path.resolve(process.argv[2] ?? path.join(os.tmpdir(), 'ocellus-lectures'));

/** Writes the bytes of a PNG, or of an image [height, width, channels], and says where. */
export async function save(name, picture) {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}.png`);
  const [height, width, channels] = picture.shape ?? [];
  await (picture.shape ? sharp(picture.data, { raw: { width, height, channels } }) : sharp(picture)).png().toFile(file);
  console.log('wrote', file);
}
