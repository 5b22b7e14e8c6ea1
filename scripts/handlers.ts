import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The compiled handlers of our resource types: those of its files that a shim can name. */
export function handlersOf(root: string): string[] {
  const folder = join(root, 'dist', 'infra', 'resources', 'handlers');
  return ['server.js', 'migrations.js', 'databaseIndex.js', 'auditTrail.js']
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path));
}
