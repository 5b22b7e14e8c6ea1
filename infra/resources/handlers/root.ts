import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder that holds Pulumi.yaml: handlers run somewhere below it, and relative paths count from it. */
export function projectRoot(): string {
  let root = process.cwd();
  while (!existsSync(join(root, 'Pulumi.yaml')) && dirname(root) !== root) root = dirname(root);
  return dirname(root) === root ? process.cwd() : root;
}
