import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as pulumi from '@pulumi/pulumi';

import { PlatformError } from '../../system/errors';

/** A function's code as the build made it. */
export interface Bundle {
  code: pulumi.asset.AssetArchive;
  /** Of its files' names and contents. */
  sha256: string;
}

/** Throws `bundle-missing` where nothing was built. */
export function readBundle(directory: string): Bundle {
  let names: string[];
  try {
    names = readdirSync(directory).sort();
  } catch (cause) {
    throw new PlatformError(
      'bundle-missing',
      `The migration function's code is not there: ${directory}.`,
      'Run `npm run build`, which makes it.',
      { object: directory, cause },
    );
  }
  const hash = createHash('sha256');
  for (const name of names)
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(directory, name)))
      .update('\0');
  const files = names.map((name) => [name, new pulumi.asset.FileAsset(join(directory, name))] as const);
  return { code: new pulumi.asset.AssetArchive(Object.fromEntries(files)), sha256: hash.digest('hex') };
}
