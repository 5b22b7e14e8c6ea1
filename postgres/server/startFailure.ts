import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';

import { PlatformError } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import { readByPostgres, refusedParameters } from './candidate';
import { readConfiguration } from './configuration';
import { type LogMark, logSince } from './log';
import { portOwner, portTaken, probePort } from './port';
import type { ServerProcess } from './process';

/** Why the server did not start: what PostgreSQL refuses, the port's owner, a full disk, else its own last words. */
export async function startFailure(server: ServerProcess, mark: LogMark | undefined): Promise<PlatformError> {
  const { dataDirectory, logDirectory } = server;
  const log = logSince(logDirectory, mark);
  const declared = readConfiguration(dataDirectory);
  const read = await readByPostgres(server).catch((error: Error) => ({ code: 0, output: error.message }));
  if (read.code !== 0) {
    const names = await refusedParameters(server, Object.fromEntries(declared));
    return configurationRefused(names, read.output);
  }
  const port = Number(declared.get('port') ?? 0);
  if (port > 0 && (await probePort(port)) === 'taken') return portTaken(port, portOwner(port));
  const states = statesIn(log);
  if (states.has(SqlState.diskFull) || isFull(dataDirectory)) {
    // What it says besides, of recovery, frightens more than it explains.
    const full = log.split('\n').filter((line) => line.includes(` ${SqlState.diskFull} `));
    return diskFull(dataDirectory, lastWords(full.length > 0 ? full.join('\n') : log));
  }
  return new PlatformError(
    'server-start-failed',
    `PostgreSQL did not start in ${dataDirectory}. The end of its log:\n${lastWords(log === '' ? read.output : log)}`,
    `Mend what the log names (a parameter: coach:parameters in the stack’s settings) and run the command again. The whole log is in ` +
      `${logDirectory} (\`npm run coachdb -- logs\`).`,
    { object: dataDirectory },
  );
}

/** PostgreSQL does not take the configuration; nothing of it is in force. `names`: the parameters at fault, as far as found. */
export function configurationRefused(names: readonly string[], output: string): PlatformError {
  const settings = names.map((name) => `coach:parameters.${name}`).join(', ');
  const what = names.length === 0 ? 'the configuration' : `parameter ${names.join(', ')}`;
  return new PlatformError(
    'parameter-refused',
    `PostgreSQL refuses ${what}:\n${lastWords(output)}`,
    `Correct ${settings === '' ? 'the parameters in the stack’s settings' : `${settings} in the stack’s settings`} and run the command again.`,
    { kind: 'usage', object: names[0] ?? 'parameters' },
  );
}

export function diskFull(directory: string, words: string): PlatformError {
  return new PlatformError(
    'disk-full',
    `The disk of ${directory} is full: ${words}`,
    `Free space on it (\`df ${dirname(directory)}\`) and run the command again. No data was lost, and nothing half-made was left behind.`,
    { object: directory },
  );
}

/** A segment of WAL, which is given back after it could not be written whole. */
const WAL_SEGMENT_BYTES = 16 * 1024 ** 2;

/** Whether the lack of space is why something failed there a moment ago. */
export function isFull(directory: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize <= WAL_SEGMENT_BYTES;
  } catch {
    return false;
  }
}

/** SQLSTATEs of the lines that report, as `logParameters` prefixes them. */
function statesIn(log: string): Set<string> {
  const found = log.matchAll(/^\S+ \S+ \S+ \[\d+\] ([0-9A-Z]{5}) .*?\b(?:FATAL|PANIC|ERROR|LOG): /gm);
  return new Set([...found].map(([, state]) => state ?? ''));
}

const LINES = 8;

/** What failed with what PostgreSQL says about it; the last lines where nothing did. */
function lastWords(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) =>
    /\b(FATAL|PANIC|ERROR|HINT|DETAIL|CONTEXT): |invalid value|unrecognized/.test(line),
  );
  return (telling.length > 0 ? telling : lines).slice(-LINES).join('\n');
}
