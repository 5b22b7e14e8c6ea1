import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import type { CommandContext } from './command';

/** Pulumi's program, on PATH or below ~/.pulumi/bin; no process is started to find it. */
export function pulumiProgram(context: Pick<CommandContext, 'environment'>): string | undefined {
  const folders = (context.environment['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, join(homedir(), '.pulumi', 'bin')]) {
    const path = join(folder, 'pulumi');
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

export function pulumiInstalled(context: Pick<CommandContext, 'environment'>): boolean {
  return pulumiProgram(context) !== undefined;
}
