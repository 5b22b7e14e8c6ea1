import type { Parameters } from '../../postgres/spec';
import { autoTune } from '../../postgres/tuning/autoTune';
import { type Machine, machineOfInstanceClass } from '../../postgres/tuning/machine';
import { PlatformError } from '../../system/errors';
import { defaultParameters } from './defaults';
import type { Settings } from './settings';

export type { Machine } from '../../postgres/tuning/machine';

/** The machine parameters are for: prod's instance class says it; elsewhere the caller knows. */
export function machineOf(settings: Pick<Settings, 'environment' | 'server'>, here?: Machine): Machine | undefined {
  if (settings.environment !== 'prod') return here;
  const { instanceClass } = settings.server;
  return instanceClass === undefined ? undefined : machineOfInstanceClass(instanceClass);
}

/** Defaults, then sizes for the machine where `tuning` is `auto` and it is known, then what the stack's file says: later ones win. */
export function mergedParameters(
  settings: Pick<Settings, 'tuning' | 'parameters'>,
  machine: Machine | undefined,
): Parameters {
  const sized =
    settings.tuning === 'auto' && machine !== undefined ? autoTune(machine, settings.parameters).parameters : {};
  return { ...defaultParameters(), ...sized, ...settings.parameters };
}

/**
 * Every parameter the server is declared with. `here` is the machine that local's server runs on (and dev's containers); with
 * `tuning: auto` a `usage` PlatformError (`machine-unknown`) when neither it nor an instance class is known.
 */
export function effectiveParameters(settings: Settings, here?: Machine): Parameters {
  const machine = machineOf(settings, here);
  if (settings.tuning === 'auto' && machine === undefined) {
    throw new PlatformError(
      'machine-unknown',
      `coach:tuning is auto, but the memory and processors of stack ${settings.stack} are unknown.`,
      'Set coach:server.instanceClass to a known class (prod), or coach:tuning to explicit.',
      { kind: 'usage', object: 'coach:tuning' },
    );
  }
  return mergedParameters(settings, machine);
}
