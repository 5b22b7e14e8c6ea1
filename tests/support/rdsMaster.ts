import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';

import { Client } from 'pg';

import { quoteIdentifier, quoteLiteral } from '../../postgres/connection/quote';
import { startCluster, type TestCluster } from './cluster';

/** A server as RDS makes it: nobody is told of its superuser, and there is a master with less. */
export interface RdsServer {
  host: string;
  port: number;
  major: number;
  master: string;
  masterPassword: string;
  /** The superuser, whom RDS keeps to itself (rdsadmin): for tests to look at everything. */
  admin: { host: string; port: number; user: string; password: string };
  stop(): Promise<void>;
}

export interface RdsOptions {
  master?: string;
  /** Where `verify-full` is asked for: key and certificate of the name the server is reached by. */
  tls?: { key: string; cert: string };
}

const MASTER_PASSWORD = 'of-the-master';

/** PostgreSQL's own roles whose rights rds_superuser holds and may grant. RDS has more of them in later majors; these are what a declaration can name. */
const HELD = ['pg_monitor', 'pg_signal_backend', 'pg_read_all_data', 'pg_write_all_data'];

/**
 * What rds_superuser may do beyond CREATEROLE and CREATEDB, which RDS brings about in PostgreSQL itself, is supplied here:
 *
 * 1. granting PostgreSQL's own roles and `rds_iam` (from 16 on that takes ADMIN OPTION);
 * 2. CREATE EXTENSION of extensions that are not trusted (UNTRUSTED);
 * 3. CREATE, ALTER and DROP EVENT TRIGGER.
 *
 * For 2 and 3 the connection goes through `front`, which hands those statements to a function of the superuser's. And `rds_iam` is believed: who is a
 * member logs in without a password, where RDS would ask for a token.
 */
export async function startRds(binaries: string, options: RdsOptions = {}): Promise<RdsServer> {
  const { master = 'coach_master', tls } = options;
  const cluster = await startCluster(binaries, '', (dataDirectory) => {
    writeFileSync(join(dataDirectory, 'pg_hba.conf'), accessRules(master));
    return Promise.resolve('');
  });
  await makeMaster(cluster, master);
  const front = await startFront(cluster.port, tls);
  const { host, major, user, password } = cluster;
  return {
    host,
    port: front.port,
    major,
    master,
    masterPassword: MASTER_PASSWORD,
    admin: { host, port: cluster.port, user, password },
    stop: async () => {
      await front.stop();
      await cluster.stop();
    },
  };
}

/** The creator of a role counts as its member from 16 on, on RDS not towards `rds_iam`: so the master's line comes first. */
const accessRules = (master: string): string =>
  [
    'host all postgres all scram-sha-256',
    `host all "${master}" all scram-sha-256`,
    'host all +rds_iam all trust',
    'host all all all scram-sha-256',
    '',
  ].join('\n');

async function makeMaster({ host, port, user, password, major }: TestCluster, master: string): Promise<void> {
  const admin = { host, port, user, password };
  const name = quoteIdentifier(master);
  await asSuperuser({ ...admin, database: 'postgres' }, [
    'CREATE ROLE rds_superuser',
    'CREATE ROLE rds_iam',
    `GRANT ${HELD.join(', ')} TO rds_superuser${major >= 16 ? ' WITH ADMIN OPTION' : ''}`,
    ...(major >= 16 ? ['GRANT rds_iam TO rds_superuser WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'] : []),
    `CREATE ROLE ${name} LOGIN CREATEROLE CREATEDB PASSWORD ${quoteLiteral(MASTER_PASSWORD)}`,
    `GRANT rds_superuser TO ${name}`,
    'ALTER DATABASE template0 ALLOW_CONNECTIONS true',
  ]);
  // Every database is made from one of these.
  for (const database of ['template0', 'template1', 'postgres'])
    await asSuperuser({ ...admin, database }, [
      'CREATE SCHEMA rdsadmin',
      `CREATE FUNCTION rdsadmin.run(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN EXECUTE statement; END'`,
      'REVOKE ALL ON FUNCTION rdsadmin.run(text) FROM PUBLIC',
      'GRANT USAGE ON SCHEMA rdsadmin TO rds_superuser',
      'GRANT EXECUTE ON FUNCTION rdsadmin.run(text) TO rds_superuser',
      // What belongs to an extension is in no dump, as what RDS has of its own is in none.
      'ALTER EXTENSION plpgsql ADD FUNCTION rdsadmin.run(text)',
      'ALTER EXTENSION plpgsql ADD SCHEMA rdsadmin',
    ]);
  await asSuperuser({ ...admin, database: 'postgres' }, ['ALTER DATABASE template0 ALLOW_CONNECTIONS false']);
}

export async function asSuperuser(
  target: RdsServer['admin'] & { database: string },
  statements: readonly string[],
): Promise<void> {
  const client = new Client(target);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Of those that the declarations of tests name. */
const UNTRUSTED = ['pg_stat_statements'];

const REST = `(?:[^;"]|"(?:[^"]|"")*")*`;
const PRIVILEGED = new RegExp(
  `CREATE EXTENSION IF NOT EXISTS "?(?:${UNTRUSTED.join('|')})"?${REST}|(?:CREATE|ALTER|DROP) EVENT TRIGGER ${REST}`,
  'g',
);

const handedOver = (sql: string): string =>
  sql.replace(PRIVILEGED, (statement) => `SELECT rdsadmin.run(${quoteLiteral(statement)})`);

const SSL_REQUEST = 80877103;

/** Stands before the server, with TLS where there is a certificate. */
async function startFront(
  serverPort: number,
  tls: RdsOptions['tls'],
): Promise<{ port: number; stop: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const front = createServer((client) => {
    sockets.add(client);
    client
      .setNoDelay()
      .on('error', () => undefined)
      .on('close', () => sockets.delete(client));
    client.once('data', (first: Buffer) => {
      if (tls === undefined || first.readInt32BE(4) !== SSL_REQUEST) return relay(client, serverPort, first);
      client.write('S');
      const secure = new TLSSocket(client, { isServer: true, secureContext: createSecureContext(tls) });
      secure.on('error', () => client.destroy());
      relay(secure, serverPort);
    });
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
  const address = front.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    // Its end is not waited for: nothing needs it any more.
    stop: () => {
      front.close();
      for (const socket of sockets) socket.destroy();
      return Promise.resolve();
    },
  };
}

function relay(client: Socket, serverPort: number, first?: Buffer): void {
  const server = connect(serverPort, '127.0.0.1');
  server
    .setNoDelay()
    .on('error', () => client.destroy())
    .on('close', () => client.destroy());
  client.on('error', () => server.destroy()).on('close', () => server.destroy());
  server.pipe(client);
  let waiting = Buffer.alloc(0);
  let isStarted = false;
  const take = (data: Buffer): void => {
    waiting = Buffer.concat([waiting, data]);
    for (;;) {
      // The first message, and only that one, has no type.
      const head = isStarted ? 1 : 0;
      if (waiting.length < head + 4) return;
      const end = head + waiting.readInt32BE(head);
      if (waiting.length < end) return;
      const message = waiting.subarray(0, end);
      server.write(isStarted && message[0] === 0x51 ? rewritten(message) : message);
      if (isStarted || message.readInt32BE(4) !== SSL_REQUEST) isStarted = true;
      waiting = waiting.subarray(end);
    }
  };
  client.on('data', take);
  if (first !== undefined) take(first);
}

/** A simple query: type, length, text, NUL. */
function rewritten(message: Buffer): Buffer {
  const sql = message.toString('utf8', 5, message.length - 1);
  const body = Buffer.from(`${handedOver(sql)}\0`);
  const head = Buffer.alloc(5);
  head.write('Q');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
