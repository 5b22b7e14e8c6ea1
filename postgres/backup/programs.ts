import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

import { codeOf, PlatformError } from '../../system/errors';
import { readAuthority } from '../connection/tls';
import type { ConnectionTarget } from '../spec';

/** Client programs of one PostgreSQL installation. */
export interface DumpPrograms {
  pgDump: string;
  pgRestore: string;
  psql: string;
  /** As `pg_dump --version` says: `15.18`. */
  version: string;
  major: number;
}

/**
 * pg_dump, pg_restore and psql of the server's own major: beside its programs, where packages put them, or on PATH. Throws `tool-missing`
 * with the package that brings them; one of another major does not do, since pg_dump refuses a newer server and an older one's dump is
 * for an older pg_restore.
 */
export function findDumpPrograms(major: number, pathVariable: string, beside?: string): DumpPrograms {
  const folders = [
    ...(beside === undefined ? [] : [beside]),
    `/usr/lib/postgresql/${major}/bin`,
    ...['/opt/homebrew/opt', '/usr/local/opt', '/home/linuxbrew/.linuxbrew/opt'].flatMap((cellar) => [
      `${cellar}/postgresql@${major}/bin`,
      `${cellar}/libpq/bin`,
    ]),
    ...pathVariable.split(delimiter).filter((folder) => folder !== ''),
  ];
  const others = new Set<string>();
  for (const folder of folders) {
    const programs = ['pg_dump', 'pg_restore', 'psql'].map((name) => join(folder, name));
    const [pgDump = '', pgRestore = '', psql = ''] = programs;
    if (!programs.every(isExecutable)) continue;
    const version = versionOf(pgDump);
    if (version !== undefined && Number.parseInt(version, 10) === major)
      return { pgDump, pgRestore, psql, version, major };
    others.add(`${pgDump} is ${version ?? 'of no known version'}`);
  }
  const found = others.size === 0 ? 'none was found' : [...others].join(', ');
  throw new PlatformError(
    'tool-missing',
    `A backup of PostgreSQL ${major} takes pg_dump, pg_restore and psql of that major: ${found}. The npm package’s PostgreSQL comes without them.`,
    `Install PostgreSQL ${major}’s client programs: Debian and Ubuntu \`apt-get install postgresql-client-${major}\` (where the ` +
      `distribution has another major, from apt.postgresql.org), macOS \`brew install postgresql@${major}\`.`,
    { object: 'pg_dump' },
  );
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function versionOf(program: string): string | undefined {
  try {
    const printed = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return /\(PostgreSQL\) (\d+[.\w]*)/.exec(printed)?.[1];
  } catch {
    return undefined;
  }
}

/** A program on PATH, or undefined. */
export const programOnPath = (name: string, pathVariable: string): string | undefined =>
  pathVariable
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);

/** What libpq connects by: the target alone, nothing of the caller's environment. The password never stands among the arguments. */
export async function libpqEnvironment(target: ConnectionTarget, pathVariable: string): Promise<NodeJS.ProcessEnv> {
  const { host, port, database, user, sslMode = 'disable' } = target;
  const caFile = authorityFile(target);
  return {
    PATH: pathVariable,
    // Its messages are read here.
    LC_ALL: 'C',
    TZ: 'UTC',
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: user,
    PGPASSWORD: (await target.token?.()) ?? target.password ?? '',
    PGSSLMODE: sslMode,
    PGAPPNAME: 'coachdb backup',
    PGCONNECT_TIMEOUT: '15',
    PGPASSFILE: '/dev/null',
    PGSERVICEFILE: '/dev/null',
    ...(caFile === undefined ? {} : { PGSSLROOTCERT: caFile }),
  };
}

let authorityFolder: string | undefined;

/** libpq reads authorities from one file alone: where they are texts, one of this process is written, which goes with it. */
function authorityFile({ caFile, authorities = [] }: ConnectionTarget): string | undefined {
  if (authorities.length === 0) return caFile;
  const text = [...authorities, ...(caFile === undefined ? [] : readAuthority(caFile))].join('\n');
  if (authorityFolder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'coachdb-authorities-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    authorityFolder = made;
  }
  const path = join(authorityFolder, `${createHash('sha256').update(text).digest('hex')}.pem`);
  writeFileSync(path, text);
  return path;
}

export interface ToolRun {
  environment: NodeJS.ProcessEnv;
  /** Ends the program. */
  signal?: AbortSignal | undefined;
  /** Each line of its standard error. */
  onLine?: (line: string) => void;
}

/** Runs one of PostgreSQL's programs to its end. Rejects with `code` of the caller's and what the program said last, unless it ends with 0. */
export async function runTool(program: string, args: readonly string[], code: string, run: ToolRun): Promise<void> {
  const { environment, signal, onLine } = run;
  const child = spawn(program, args, {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  const lines = createInterface({ input: child.stderr });
  lines.on('line', (line) => {
    if (!VERBOSE.test(line)) said.push(line);
    if (said.length > 20) said.shift();
    onLine?.(line);
  });
  // Its workers end with it.
  const stop = (): void => void child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  const unwatch = endWithUs(child.pid);
  if (signal?.aborted === true) stop();
  try {
    const [status, ended] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exit, by) => resolve([exit, by]));
    });
    signal?.throwIfAborted();
    if (status !== 0) throw toolFailed(program, code, said, status, ended);
  } catch (error) {
    signal?.throwIfAborted();
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EACCES')
      throw toolFailed(program, code, [String(error)], null, null);
    throw error;
  } finally {
    unwatch();
    signal?.removeEventListener('abort', stop);
  }
}

/** Ends the program when this process is gone, however it went: alone it would hold its locks and write on. Returns what calls that off. */
function endWithUs(pid: number | undefined): () => void {
  if (pid === undefined) return () => undefined;
  // Its input ends with the process that holds the other side.
  const watch = spawn('/bin/sh', ['-c', 'read -r line; kill "$1"', 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watch.once('error', () => undefined);
  watch.stdin.once('error', () => undefined);
  return () => void watch.kill('SIGKILL');
}

/** Lines of --verbose, which are no reason for a failure. */
const VERBOSE =
  /^pg_(dump|restore): (?!error|warning|fatal)(last built-in|reading|identifying|finding|flagging|saving|creating|processing|launching|finished|entering|connecting|dumping|executing|setting|started|starting|dropping|restoring|table|implied|using|analyzing|while)/;

function toolFailed(
  program: string,
  code: string,
  said: readonly string[],
  status: number | null,
  ended: NodeJS.Signals | null,
): PlatformError {
  const name = program.split('/').at(-1) ?? program;
  const text = said.join('\n').trim();
  const how = ended === null ? `ended with exit code ${status ?? 'unknown'}` : `was ended by ${ended}`;
  if (/No space left on device|Disk quota exceeded/.test(text))
    return new PlatformError(
      'disk-full',
      `The disk is full: ${name} could not write on. ${lastOf(text)}`,
      'Free space on that disk and run the command again; nothing that was there before is gone.',
      { object: name },
    );
  return new PlatformError(
    code,
    `${name} ${how}${text === '' ? ', saying nothing' : `: ${lastOf(text)}`}`,
    'The message is PostgreSQL’s own: `npm run coachdb -- logs` shows the server’s side.',
    { object: name },
  );
}

/** Errors first; a program repeats the query that failed below them. */
function lastOf(text: string): string {
  const lines = text.split('\n');
  const errors = lines.filter((line) => /error|fatal/i.test(line));
  return (errors.length === 0 ? lines.slice(-3) : errors.slice(0, 3))
    .map((line) => line.replace(/^pg_(dump|restore): (error: )?/, ''))
    .join(' ');
}
