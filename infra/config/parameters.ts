import type { Parameters } from '../../postgres/spec';
import { autoTune } from '../../postgres/tuning/autoTune';
import { type Machine, machineOfInstanceClass } from '../../postgres/tuning/machine';
import { parseParameter } from '../../postgres/tuning/value';
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

/** RDS's own rule: LEAST({DBInstanceClassMemory/9531392},5000). Its memory is a little less than the class's. */
const RDS_BYTES_PER_CONNECTION = 9_531_392;
const RDS_MOST_CONNECTIONS = 5000;

/** `max_connections` of prod's server, at most: what the parameters say, else what RDS makes of the instance class. */
export function maxConnections(settings: Settings): number {
  const { max_connections: said } = effectiveParameters(settings);
  const value = said === undefined ? undefined : parseParameter('max_connections', said).parameter?.value;
  if (typeof value === 'number') return value;
  const { memoryBytes = Infinity } = machineOf(settings) ?? {};
  return Math.min(RDS_MOST_CONNECTIONS, Math.floor(memoryBytes / RDS_BYTES_PER_CONNECTION));
}
