import { PlatformError } from '../system/errors';
import type { CommandContext } from './command';
import type { Stack } from './stack';

/** Which engine deploys: --engine, else Pulumi where it is installed, else the embedded one for the local stack. */
export function chooseEngine(context: CommandContext, stack: Stack, installed: boolean): 'pulumi' | 'embedded' {
  const chosen = context.engine ?? (installed ? 'pulumi' : 'embedded');
  if (chosen === 'pulumi' && !installed) {
    throw new PlatformError(
      'pulumi-missing',
      '--engine pulumi was given, but no pulumi is on PATH or below ~/.pulumi/bin.',
      'Install it with `npm run coachdb -- engine install`, or leave --engine away.',
      { kind: 'usage', object: 'pulumi' },
    );
  }
  if (chosen === 'embedded' && stack.settings.environment !== 'local') {
    throw new PlatformError(
      'engine-local-only',
      `The embedded engine deploys the local environment only; stack ${stack.name} is ${stack.settings.environment}.`,
      'Install Pulumi with `npm run coachdb -- engine install`; `npm run coachdb -- graph` shows what would be declared without it.',
      { kind: 'refused', object: stack.name },
    );
  }
  return chosen;
}
