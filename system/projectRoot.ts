import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { PlatformError } from './errors';

/** The folder that holds Pulumi.yaml: `below` or the nearest one above it. */
export function projectRoot(below: string): string {
  for (let folder = below; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'Pulumi.yaml'))) return folder;
    if (dirname(folder) !== folder) continue;
    throw new PlatformError('no-project', `No Pulumi.yaml above ${below}.`, 'Run from a complete checkout.', {
      kind: 'usage',
    });
  }
}
