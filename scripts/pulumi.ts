import { homedir } from 'node:os';

import { locatePulumi } from '../engine/pulumi/locate';
import type { CommandContext } from './command';

/** Pulumi's program, on PATH or below ~/.pulumi/bin. */
export function pulumiProgram(context: Pick<CommandContext, 'environment'>): string | undefined {
  return locatePulumi({ pathVariable: context.environment['PATH'], home: homedir() });
}

export function pulumiInstalled(context: Pick<CommandContext, 'environment'>): boolean {
  return pulumiProgram(context) !== undefined;
}
