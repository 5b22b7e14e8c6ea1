import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Pulumi's file backend (pkg/backend/diy), project-scoped layout: where one stack's files lie below its folder. */
export interface BackendPaths {
  /** The checkpoint. */
  checkpoint: string;
  /** The checkpoint before the last write. */
  backup: string;
  lockDirectory: string;
  historyDirectory: string;
  backupDirectory: string;
}

export function backendPaths(stateDirectory: string, project: string, stack: string): BackendPaths {
  const below = (...parts: string[]): string => join(stateDirectory, '.pulumi', ...parts);
  const checkpoint = below('stacks', project, `${stack}.json`);
  return {
    checkpoint,
    backup: `${checkpoint}.bak`,
    lockDirectory: below('locks', 'organization', project, stack),
    historyDirectory: below('history', project, stack),
    backupDirectory: below('backups', project, stack),
  };
}

/** Makes the folders and the file that says which layout this is. Repeating it changes nothing. */
export function prepareBackend(stateDirectory: string, project: string): void {
  mkdirSync(join(stateDirectory, '.pulumi', 'stacks', project), { recursive: true, mode: 0o700 });
  const meta = join(stateDirectory, '.pulumi', 'meta.yaml');
  if (!existsSync(meta)) writeFileSync(meta, 'version: 1\n');
}
