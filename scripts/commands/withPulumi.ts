import { PlatformError } from '../../postgres/errors';
import type { CommandContext, CommandResult } from '../command';
import type { Stack } from '../stack';

export interface PulumiRun {
  operation: 'up' | 'preview' | 'refresh' | 'destroy';
  replace: readonly string[];
  previewFirst?: boolean;
}

export function runWithPulumi(_context: CommandContext, stack: Stack, _run: PulumiRun): Promise<CommandResult> {
  return Promise.reject(new PlatformError('pulumi', `stack ${stack.name}`, ''));
}
