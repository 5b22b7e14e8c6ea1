import { chownSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { writeAtomically } from '../../system/atomicFile';
import { codeOf } from '../../system/errors';
import type { Parameters, ParameterValue } from '../spec';
import type { DecidedParameter } from '../tuning/decided';
import { renderConf } from '../tuning/render';
import { equalParameter } from '../tuning/value';
import type { Account } from './account';
import { logParameters } from './log';

export interface ConfigurationOptions {
  dataDirectory: string;
  logDirectory: string;
  account: Account;
  port: number;
  parameters: Parameters;
}

/**
 * Every parameter of postgresql.conf: first what the settings may change (what initdb would write, made the same on every machine, and the
 * log), then the declared ones, then what the platform decides: loopback only, no socket, scram.
 */
export function effectiveParameters({
  dataDirectory,
  logDirectory,
  port,
  parameters,
}: ConfigurationOptions): Parameters {
  return {
    datestyle: 'iso, mdy',
    timezone: 'UTC',
    lc_messages: 'C',
    lc_monetary: 'C',
    lc_numeric: 'C',
    lc_time: 'C',
    default_text_search_config: 'pg_catalog.english',
    ...logParameters(fromDataDirectory(dataDirectory, logDirectory)),
    ...parameters,
    ...({
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: '',
      password_encryption: 'scram-sha-256',
    } satisfies Partial<Record<DecidedParameter, ParameterValue>>),
  };
}

/** PostgreSQL takes a relative log_directory from its data directory, so that the two can be moved together. */
function fromDataDirectory(dataDirectory: string, logDirectory: string): string {
  const isLink = lstatSync(dataDirectory, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink || dirname(dataDirectory) !== dirname(logDirectory)
    ? logDirectory
    : relative(dataDirectory, logDirectory);
}

const HBA = `# Written by coachdb. Loopback only, scram-sha-256 for everybody.
host  all          all  127.0.0.1/32  scram-sha-256
host  replication  all  127.0.0.1/32  scram-sha-256
`;

const HEADER = '# Written by coachdb from the settings of the stack; changes made here are overwritten.\n';
const CONF = 'postgresql.conf';
const AUTO_CONF = 'postgresql.auto.conf';
const HBA_CONF = 'pg_hba.conf';

/** What the configuration files are to hold. */
export function renderConfiguration(options: ConfigurationOptions): Record<string, string> {
  const effective = effectiveParameters(options);
  const files = { [CONF]: HEADER + renderConf(effective), [HBA_CONF]: HBA };
  const auto = read(options.dataDirectory, AUTO_CONF);
  return auto === undefined ? files : { ...files, [AUTO_CONF]: withoutOverrides(auto, effective) };
}

/** The names of the files among those of `renderConfiguration` that mean something else now. */
export function changedFiles(dataDirectory: string, files: Record<string, string>): string[] {
  return Object.entries(files)
    .filter(([name, text]) => {
      const now = read(dataDirectory, name) ?? '';
      return name === CONF ? changedNames(now, text).length > 0 : meaning(now) !== meaning(text);
    })
    .map(([name]) => name);
}

/** Parameters, in lower case, that two configuration files set to different values, or only one of them sets. */
function changedNames(before: string, after: string): string[] {
  const [old, next] = [parseConfiguration(before), parseConfiguration(after)];
  return [...new Set([...old.keys(), ...next.keys()])].filter((name) => {
    const [a, b] = [old.get(name), next.get(name)];
    return a === undefined || b === undefined || !equalParameter(name, a, b);
  });
}

/** Parameters, in lower case, that are not as declared: in postgresql.conf, or because ALTER SYSTEM says otherwise. */
export function changedParameters(options: ConfigurationOptions, files: Record<string, string>): string[] {
  const { dataDirectory } = options;
  const effective = effectiveParameters(options);
  const edited = changedNames(read(dataDirectory, CONF) ?? '', files[CONF] ?? '');
  const altered = [...alteredByHand(dataDirectory)].filter(([name, value]) => overrides(name, value, effective));
  return [...new Set([...edited, ...altered.map(([name]) => name)])].sort();
}

function meaning(text: string): string {
  const lines = text.split('\n').map((line) => line.trim());
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort()
    .join('\n');
}

/**
 * Writes the files of `renderConfiguration`, each appearing whole. postgresql.conf is always written, and last: the server has read everything
 * when it has read its configuration later than that. Returns what the files held before, to be written back.
 */
export function writeFiles(dataDirectory: string, files: Record<string, string>): Record<string, string> {
  const before: Record<string, string> = {};
  const order = Object.keys(files).sort((a, b) => Number(a === CONF) - Number(b === CONF));
  for (const name of order) {
    const text = files[name] ?? '';
    const old = read(dataDirectory, name);
    if (old !== undefined) before[name] = old;
    if (old === text && name !== CONF) continue;
    writeAtomically(join(dataDirectory, name), text);
  }
  return before;
}

/** Has a file's next text beside it while `work` runs. */
export async function withCandidate<T>(
  dataDirectory: string,
  account: Account,
  text: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(dataDirectory, `${CONF}.${process.pid}.new`);
  writeFileSync(path, text, { mode: 0o600 });
  if (account.switchUser) chownSync(path, account.uid, account.gid);
  try {
    return await work(path);
  } finally {
    rmSync(path, { force: true });
  }
}

export const CONFIGURATION_FILE = CONF;

function read(dataDirectory: string, name: string): string | undefined {
  try {
    return readFileSync(join(dataDirectory, name), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** `name = 'value'` of each line, as `renderConf` and ALTER SYSTEM write them; values without quotes are taken too. */
export function parseConfiguration(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, quoted, plain] = /^\s*([A-Za-z_][\w$.]*)\s*=?\s*(?:'((?:[^']|'')*)'|([^\s#']+))/.exec(line) ?? [];
    if (name === undefined) continue;
    found.set(name.toLowerCase(), quoted?.replaceAll("''", "'").replaceAll('\\\\', '\\') ?? plain ?? '');
  }
  return found;
}

/** What postgresql.conf holds now. */
export function readConfiguration(dataDirectory: string): Map<string, string> {
  return parseConfiguration(read(dataDirectory, CONF) ?? '');
}

/** Parameters that ALTER SYSTEM set by hand, as they stand in postgresql.auto.conf. */
export function alteredByHand(dataDirectory: string): Map<string, string> {
  return parseConfiguration(read(dataDirectory, AUTO_CONF) ?? '');
}

/** Whether what ALTER SYSTEM set says something else than the platform does; what the platform does not declare stays. */
function overrides(name: string, value: string, effective: Parameters): boolean {
  const own = Object.entries(effective).find(([known]) => known.toLowerCase() === name.toLowerCase());
  return own !== undefined && !equalParameter(own[0], own[1], value);
}

function withoutOverrides(auto: string, effective: Parameters): string {
  return auto
    .split('\n')
    .filter((line) => [...parseConfiguration(line)].every(([name, value]) => !overrides(name, value, effective)))
    .join('\n');
}
