import { join, resolve } from 'node:path';

import type { Stack } from '../stack';
import { stackHome } from '../workspace';

/** Where a stack's backups lie. */
export function backupDirectory({ name, settings, workspace }: Stack): string {
  const { directory } = settings.backup;
  return directory === undefined ? join(stackHome(workspace, name), 'backups') : resolve(workspace.root, directory);
}
