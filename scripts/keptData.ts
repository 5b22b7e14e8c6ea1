import type { ResourceChange } from '../engine/changes';
import { planRules } from '../policies/plan';
import { PlatformError } from '../system/errors';
import type { Stack } from './stack';

/**
 * What a plan would lose of stack prod: the guard that reads the plan, whatever `protect` says in the state or on Pulumi's command line. Only
 * `coach:aws.protect: false` lifts it.
 */
export function lossesOf(
  { name, settings }: Pick<Stack, 'name' | 'settings'>,
  changes: readonly ResourceChange[],
): PlatformError[] {
  if (settings.environment !== 'prod' || settings.aws?.protect === false) return [];
  return planRules.flatMap(({ id, title, check }) =>
    check(changes).map(
      ({ urn, message }) =>
        new PlatformError(
          id,
          `${urn.split('::').at(-1)} (${urn.split('::').at(-2)?.split('$').at(-1)}): ${message}. ${title}.`,
          `Undo the change that asks for it. To lose it all the same, set coach:aws.protect to false in Pulumi.${name}.yaml first.`,
          { kind: 'refused', object: urn },
        ),
    ),
  );
}
