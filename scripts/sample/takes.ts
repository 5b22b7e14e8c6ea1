import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { recordedLayout } from '../../postgres/server/layout';
import { isDeployed } from '../port';
import type { Stack } from '../stack';
import { stackHome } from '../workspace';
import { SAMPLE_FILE } from './file';

/**
 * Whether a start that is about to run may load the sample: it is the first one, no data directory of an earlier one is left, and the tables
 * are this project's own. Whatever database the start then makes has never had a row of anybody's.
 */
export function takesSample(stack: Stack): boolean {
  const { environment, app, server } = stack.settings;
  if (environment !== 'local' || app.directory !== undefined || isDeployed(stack)) return false;
  const { root } = stack.workspace;
  const declared = resolve(root, server.dataDirectory ?? join(stackHome(stack.workspace, stack.name), 'data'));
  return !existsSync(recordedLayout(declared)?.dataDirectory ?? declared) && existsSync(join(root, SAMPLE_FILE));
}
