import type { ParameterValue } from '../spec';
import { equalParameter, type ParameterOptions, parseParameter } from './value';

/** Values that ask the server to choose; pg_settings then shows what it chose. */
const CHOSEN_BY_SERVER: ReadonlyMap<string, number> = new Map([
  ['wal_buffers', -1],
  ['commit_timestamp_buffers', 0],
  ['subtransaction_buffers', 0],
  ['transaction_buffers', 0],
  ['io_max_concurrency', -1],
]);

/**
 * Whether a running server that shows `shown` (pg_settings.setting, or SHOW) works with the declared value: equal by meaning, or
 * chosen by the server where that was asked for. For drift; a static parameter that waits for a restart is not in force.
 */
export function parameterInForce(
  name: string,
  declared: ParameterValue,
  shown: ParameterValue,
  options: ParameterOptions = {},
): boolean {
  const choice = CHOSEN_BY_SERVER.get(name.toLowerCase());
  if (choice !== undefined && parseParameter(name, declared, options).parameter?.value === choice) return true;
  return equalParameter(name, declared, shown, options);
}
