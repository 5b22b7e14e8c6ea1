import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { Client } from 'pg';

import { defaultParameters } from '../infra/config/defaults';
import { serverAccount } from '../postgres/server/account';
import { findBinaries, requireTool } from '../postgres/server/binaries';
import { findFreePort } from '../postgres/server/port';
import { renderConf } from '../postgres/tuning/render';

const run = promisify(execFile);

/** A server that exists for one call alone, with the parameters of the local stack. */
export interface BenchmarkServer {
  version: string;
  /** For programs that connect by themselves, as the superuser. */
  address: { host: string; port: number; user: string; password: string };
  /** A new connection, by default the superuser's; closed with the server. */
  connect(options?: { database?: string; user?: string }): Promise<Client>;
  /** Makes a role that `connect` and `pgbench` log in as. */
  createLogin(user: string): Promise<void>;
  /** Transactions per second of pgbench's script; `options` as in PGOPTIONS. */
  pgbench(user: string, script: string, arguments_: string[], options: string): Promise<number>;
}

/** Checkpoints come when they are asked for: one that began by itself would fall on whoever is measured at that moment. */
const QUIET = { max_wal_size: '16GB', min_wal_size: '2GB', checkpoint_timeout: '1h' };

export async function withBenchmarkServer<T>(work: (server: BenchmarkServer) => Promise<T>): Promise<T> {
  const root = dirname(dirname(__dirname));
  const binaries = findBinaries({ choice: 'auto', pathVariable: process.env['PATH'] ?? '', packageRoot: root });
  const account = serverAccount({ uid: process.getuid?.(), root });
  const folder = mkdtempSync(join(tmpdir(), 'coach-benchmark-'));
  chmodSync(folder, 0o755);
  if (account.switchUser) chownSync(folder, account.uid, account.gid);
  const as = account.switchUser ? { uid: account.uid, gid: account.gid } : {};
  const server = (program: string, ...args: string[]): Promise<unknown> =>
    run(join(binaries.directory, program), args, { ...as, cwd: '/' });
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.switchUser) chownSync(passwordFile, account.uid, account.gid);
  const open: Client[] = [];
  let started = false;
  try {
    const initdb = ['-D', data, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile];
    await server('initdb', ...initdb, '--data-checksums', '-E', 'UTF8', '--locale=C.UTF-8');
    const port = await findFreePort(5700, 5800);
    const network = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', timezone: 'UTC' };
    const parameters = renderConf({ ...defaultParameters(), ...QUIET, ...network });
    writeFileSync(join(data, 'postgresql.conf'), parameters);
    await server('pg_ctl', '-D', data, '-l', join(folder, 'log'), '-w', 'start');
    started = true;
    const connect: BenchmarkServer['connect'] = async ({ database = 'postgres', user = 'postgres' } = {}) => {
      const client = new Client({ host: '127.0.0.1', port, user, password, database });
      // The server goes away with clients still connected when a measure fails.
      client.on('error', () => undefined);
      await client.connect();
      open.push(client);
      return client;
    };
    const admin = await connect();
    return await work({
      version: binaries.version,
      address: { host: '127.0.0.1', port, user: 'postgres', password },
      connect,
      createLogin: async (user) => {
        await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
      },
      pgbench: async (user, script, arguments_, options) => {
        const file = join(folder, 'script.sql');
        writeFileSync(file, script);
        const env = { PATH: process.env['PATH'], PGPASSWORD: password, PGOPTIONS: options };
        const where = ['-h', '127.0.0.1', '-p', String(port), '-U', user, 'postgres'];
        const { stdout } = await run(
          requireTool(binaries, 'pgbench'),
          ['-n', '-M', 'prepared', '-f', file, ...arguments_, ...where],
          { env },
        );
        const tps = Number(/^tps = ([\d.]+)/m.exec(stdout)?.[1]);
        if (!(tps > 0)) throw new Error(`pgbench printed no tps:\n${stdout}`);
        return tps;
      },
    });
  } finally {
    await Promise.all(open.map((client) => client.end().catch(() => undefined)));
    if (started) await server('pg_ctl', '-D', data, '-m', 'immediate', '-w', 'stop');
    rmSync(folder, { recursive: true, force: true });
  }
}
