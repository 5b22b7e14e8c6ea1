import { join } from 'node:path';

import type { Parameters } from '../spec';
import { parseParameter } from '../tuning/value';
import type { ServerProcess } from './process';
import { runAs, type RunResult } from './run';

type Check = Pick<ServerProcess, 'binaries' | 'dataDirectory' | 'account' | 'pathVariable'>;

/**
 * Lets PostgreSQL itself read a configuration file, without starting or touching a server (`postgres -C`). Exit code 0: every name and
 * value is accepted, as far as can be told before memory is taken and libraries are loaded.
 */
export function readByPostgres(
  server: Check,
  configFile?: string,
  settings: readonly string[] = [],
): Promise<RunResult> {
  const file = configFile === undefined ? [] : ['-c', `config_file=${configFile}`];
  const args = ['-C', 'port', '-D', server.dataDirectory, ...file, ...settings.flatMap((setting) => ['-c', setting])];
  return runAs(join(server.binaries.directory, 'postgres'), args, server);
}

/** The parameters PostgreSQL refuses, each tried alone. Takes 20 ms for each, so it is for finding out what went wrong. */
export async function refusedParameters(server: Check, parameters: Parameters): Promise<string[]> {
  const refused: string[] = [];
  for (const [name, value] of Object.entries(parameters)) {
    const text = parseParameter(name, value).parameter?.text ?? String(value);
    const { code } = await readByPostgres(server, '/dev/null', [`${name}=${text}`]);
    if (code !== 0) refused.push(name);
  }
  return refused;
}
