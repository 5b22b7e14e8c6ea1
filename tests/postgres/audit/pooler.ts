import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort, serverAccount } from '../../support/cluster';
import { eventually } from '../../support/eventually';
import type { Server } from './support';

const BINARY = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer'].find((path) =>
  existsSync(path),
);

export const WITHOUT_POOLER = BINARY === undefined ? 'pgbouncer is not installed' : undefined;

export interface Pooler {
  port: number;
  stop(): Promise<void>;
}

/** PgBouncer in transaction mode in front of the server, with fewer connections than its clients want. */
export async function startPooler(server: Server, users: readonly string[], connections: number): Promise<Pooler> {
  const account = await serverAccount();
  const folder = mkdtempSync(join(tmpdir(), 'coach-pooler-'));
  const port = await freePort();
  writeFileSync(join(folder, 'users.txt'), users.map((user) => `"${user}" "test"\n`).join(''));
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]\n* = host=${server.host} port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\n` +
      `auth_type = plain\nauth_file = ${join(folder, 'users.txt')}\npool_mode = transaction\ndefault_pool_size = ${connections}\nmax_client_conn = 200\n`,
  );
  if (account) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o755);
  const child: ChildProcess = spawn(BINARY ?? '', ['-q', join(folder, 'pgbouncer.ini')], {
    ...account,
    cwd: '/',
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  await eventually('the pooler answers', () => answers(port));
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(undefined));
  });
}
