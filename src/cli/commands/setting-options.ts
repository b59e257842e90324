// Options that decide how a classifier is trained, for the commands that train one.

import { type Command, Option } from 'commander';
import { type BackboneName, backboneNames } from '../../zoo/backbones.js';
import { positive, share, wholeNumber } from '../parse.js';
import { augmentKinds } from '../training/settings.js';

export function settingOptions(command: Command): Command {
  return command
    .addOption(new Option('--model <name>', 'backbone').choices(backboneNames as BackboneName[]))
    .option('--image-size <n>', 'side that images are brought to, in pixels', wholeNumber(8))
    .option('--epochs <n>', 'times that every image is looked at', wholeNumber(1))
    .option('--batch-size <n>', 'images in a step', wholeNumber(1))
    .option('--weight-decay <x>', 'share of a weight that is taken away, times the rate', Number)
    .option('--label-smoothing <x>', 'share of the target that the other classes have', share)
    .addOption(
      new Option(
        '--augment <kind>',
        'random changes of training images: warp for photographs, crop for small ones',
      ).choices(augmentKinds),
    )
    .option('--flip', 'mirror training images at random')
    .option('--no-flip', 'do not, as for letters and digits')
    .option('--validation-split <x>', 'share held back where the data have no part to check with', share)
    .option('--seed <n>', 'of everything random', wholeNumber(0));
}

/** A rate, or `auto`. */
export const rateOrAuto = (text: string): number | 'auto' => (text === 'auto' ? 'auto' : positive(text));
