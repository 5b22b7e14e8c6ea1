import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import { bringUp, type BringUpOptions, inspect } from '../../../postgres/server/bringUp';
import { activationOfInspection, type ServerActivation } from '../../../postgres/server/inspect';
import { currentLogFile } from '../../../postgres/server/log';
import { startServer, stopServer } from '../../../postgres/server/process';
import { adminTarget, type PlacedServer, type ServerDeclaration } from '../../../postgres/server/server';
import { orphans, serverState } from '../../../postgres/server/state';
import { freePort } from '../../support/cluster';
import { CHOICES, cleanUp, declaration, isRoot, place, problemOf } from './support';

afterAll(cleanUp);

async function ask<T = unknown>(declared: ServerDeclaration, sql: string): Promise<T> {
  const rows = await withClient(adminTarget(declared), async (client) => (await client.query<{ value: T }>(sql)).rows);
  return rows[0]!.value;
}

const setting = (declared: ServerDeclaration, name: string): Promise<string> =>
  ask<string>(declared, `SELECT current_setting('${name}') AS value`);

function pidOf(placed: PlacedServer): number {
  const state = serverState(placed.process.dataDirectory);
  if (!('pid' in state)) throw new Error(`It is ${state.status}.`);
  return state.pid;
}

async function activation(placed: PlacedServer): Promise<ServerActivation> {
  const found = await inspect(placed, [placed.declaration.adminPassword]);
  return activationOfInspection(found, placed.binaries.major);
}

describe.each(CHOICES)('a server ($name)', ({ binaries }) => {
  let declared: ServerDeclaration;
  let placed: PlacedServer;
  beforeAll(async () => {
    declared = await declaration({ binaries, parameters: { work_mem: '4MB' } });
    placed = place(declared);
    await bringUp(placed);
  });

  /** The same server, declared otherwise. */
  const apply = async (change: Partial<ServerDeclaration>, options?: BringUpOptions): Promise<ServerActivation> => {
    const parameters = { ...declared.parameters, ...change.parameters };
    const next = place({ ...declared, ...change, parameters });
    const planned = await activation(next);
    await bringUp(next, options);
    declared = next.declaration;
    placed = next;
    return planned;
  };

  it('is left alone when nothing differs, or only the spelling does', async () => {
    const before = statSync(join(declared.dataDirectory, 'postgresql.conf')).mtimeMs;
    expect(await activation(placed)).toBe('none');
    expect(await apply({ parameters: { work_mem: '4096kB', FSYNC: 'off', fsync: false } })).toBe('none');
    expect(statSync(join(declared.dataDirectory, 'postgresql.conf')).mtimeMs).toBe(before);
    declared = {
      ...declared,
      parameters: { shared_buffers: '16MB', max_connections: 20, fsync: 'off', work_mem: '4MB' },
    };
  });

  it('takes a changed parameter by reload or by restart, as pg_settings.context says, and says so before', async () => {
    const pid = pidOf(placed);
    expect(await apply({ parameters: { work_mem: '8MB', 'coach.note': 'hello' } })).toBe('reload');
    expect(pidOf(placed)).toBe(pid);
    expect(await setting(declared, 'work_mem')).toBe('8MB');
    expect(await apply({ parameters: { max_connections: 21 } })).toBe('restart');
    expect(pidOf(placed)).not.toBe(pid);
    expect(await setting(declared, 'max_connections')).toBe('21');
    expect(await ask(declared, 'SELECT count(*)::int AS value FROM pg_settings WHERE pending_restart')).toBe(0);
    expect(await activation(placed)).toBe('none');
  });

  it('goes back to the default when a parameter is no longer declared', async () => {
    await apply({ parameters: { 'coach.note': 'hello', maintenance_work_mem: '32MB' } });
    const parameters = { ...declared.parameters };
    delete parameters.maintenance_work_mem;
    declared = { ...declared, parameters };
    expect(await apply({})).toBe('reload');
    expect(await setting(declared, 'maintenance_work_mem')).toBe('64MB');
  });

  it('undoes what ALTER SYSTEM set over it, and keeps what it set besides', async () => {
    await withClient(adminTarget(declared), async (client) => {
      await client.query("ALTER SYSTEM SET work_mem = '99MB'");
      await client.query("ALTER SYSTEM SET vacuum_cost_limit = '300'");
      await client.query("ALTER SYSTEM SET max_connections = '33'");
      await client.query('SELECT pg_reload_conf()');
    });
    const found = await inspect(placed, [declared.adminPassword]);
    expect(found.changed).toEqual(['max_connections', 'work_mem']);
    expect(await apply({})).toBe('restart');
    expect(await setting(declared, 'work_mem')).toBe('8MB');
    expect(await setting(declared, 'max_connections')).toBe('21');
    expect(await setting(declared, 'vacuum_cost_limit')).toBe('300');
    expect(await activation(placed)).toBe('none');
  });

  it('undoes what was edited by hand in its files, read by the server or not', async () => {
    const hba = join(declared.dataDirectory, 'pg_hba.conf');
    const conf = join(declared.dataDirectory, 'postgresql.conf');
    writeFileSync(hba, `host all all 127.0.0.1/32 trust\n${readFileSync(hba, 'utf8')}`);
    appendFileSync(conf, 'work_mem = 1MB\n');
    const found = await inspect(placed, [declared.adminPassword]);
    expect({ files: found.files.sort(), changed: found.changed }).toEqual({
      files: ['pg_hba.conf', 'postgresql.conf'],
      changed: ['work_mem'],
    });
    expect(await apply({})).toBe('reload');
    expect(readFileSync(hba, 'utf8')).not.toContain('trust');
    expect(await setting(declared, 'work_mem')).toBe('8MB');
    // Written by a run that was killed before it told the server. File times may be some milliseconds behind.
    await new Promise((resolve) => setTimeout(resolve, 20));
    writeFileSync(conf, readFileSync(conf, 'utf8'));
    expect((await inspect(placed, [declared.adminPassword])).stale).toBe(true);
    expect(await apply({})).toBe('reload');
    expect(await activation(placed)).toBe('none');
  });

  it('keeps running as it was when PostgreSQL refuses a value, and the parameter is named', async () => {
    const pid = pidOf(placed);
    const conf = readFileSync(join(declared.dataDirectory, 'postgresql.conf'), 'utf8');
    // The typed tables hold no time zones, so that this one reaches PostgreSQL.
    const bad = place({ ...declared, parameters: { ...declared.parameters, timezone: 'Mars/Olympus' } });
    const error = await problemOf(() => bringUp(bad));
    expect(error).toMatchObject({ code: 'parameter-refused', object: 'timezone' });
    expect(error.message).toMatch(/invalid value for parameter "TimeZone": "Mars\/Olympus"/);
    expect(error.remedy).toContain('coach:parameters.timezone');
    expect(pidOf(placed)).toBe(pid);
    expect(readFileSync(join(declared.dataDirectory, 'postgresql.conf'), 'utf8')).toBe(conf);
  });

  it('comes back as it was when it does not start with what is new', async () => {
    const bad = place({
      ...declared,
      parameters: { ...declared.parameters, shared_preload_libraries: 'no_such_library' },
    });
    const error = await problemOf(() => bringUp(bad));
    expect(error.code).toBe('server-start-failed');
    expect(error.message).toMatch(/no_such_library.*runs on with the configuration it had/s);
    expect(await setting(declared, 'shared_preload_libraries')).toBe('');
    expect(await activation(placed)).toBe('none');
  });

  it('moves to another port, and does not when that is taken', async () => {
    const old = declared.port;
    const taken = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    const error = await problemOf(() => bringUp(place({ ...declared, port })));
    await new Promise((resolve) => taken.close(resolve));
    expect(error.code).toBe('port-taken');
    expect(error.message).toContain(`process ${process.pid}`);
    expect(serverState(declared.dataDirectory)).toMatchObject({ status: 'running', port: old });

    expect(await apply({ port })).toBe('restart');
    expect(serverState(declared.dataDirectory)).toMatchObject({ status: 'running', port });
    expect(await setting(declared, 'port')).toBe(String(port));
  });

  it('gets another password from the former one, without a restart; and from nobody’s with one', async () => {
    const pid = pidOf(placed);
    const former = declared.adminPassword;
    await apply({ adminPassword: 'second-secret' }, { formerPassword: former });
    expect(await setting(declared, 'work_mem')).toBe('8MB');
    expect(pidOf(placed)).toBe(pid);

    await withClient(adminTarget(declared), (client) => client.query("ALTER ROLE postgres PASSWORD 'by hand' NOLOGIN"));
    expect((await inspect(placed, [declared.adminPassword])).login).toBe('refused');
    await bringUp(placed, { formerPassword: former });
    expect(await setting(declared, 'work_mem')).toBe('8MB');
    expect(readFileSync(currentLogFile(placed.process), 'utf8')).not.toContain('second-secret');
  });

  it('is started again after a stop, and stays one when started twice at once', async () => {
    await stopServer(placed.process);
    expect(serverState(declared.dataDirectory).status).toBe('stopped');
    expect(await activation(placed)).toBe('start');
    await stopServer(placed.process);
    await Promise.all([startServer(placed.process), startServer(placed.process)]);
    await startServer(placed.process);
    expect(await activation(placed)).toBe('none');
  });

  it('starts over a postmaster.pid whose process id belongs to somebody else now', async () => {
    await stopServer(placed.process);
    const { account } = placed.process;
    const sleeper = spawn('sleep', ['60'], account.switchUser ? { uid: account.uid, gid: account.gid } : {});
    try {
      const pidFile = join(declared.dataDirectory, 'postmaster.pid');
      writeFileSync(
        pidFile,
        `${sleeper.pid}\n${declared.dataDirectory}\n1700000000\n${declared.port}\n\n127.0.0.1\n  1 2\nready   \n`,
      );
      expect(serverState(declared.dataDirectory).status).toBe('stopped');
      await bringUp(placed);
      expect(pidOf(placed)).not.toBe(sleeper.pid);
      expect(sleeper.exitCode).toBe(null);
    } finally {
      sleeper.kill();
    }
  });

  it('recovers from SIGKILL under write load with every committed row', async () => {
    await withClient(adminTarget(declared), (client) =>
      client.query('CREATE TABLE public.ledger (id int PRIMARY KEY)'),
    );
    let committed = 0;
    const writer = async (start: number): Promise<void> => {
      const client = new Client(adminTarget(declared));
      client.on('error', () => undefined);
      await client.connect();
      for (let id = start; ; id += 2) {
        await client.query('INSERT INTO ledger VALUES ($1)', [id]);
        committed += 1;
      }
    };
    // A backend that computes does not notice that its postmaster is gone.
    const busy = ask(declared, 'SELECT count(*) AS value FROM generate_series(1, 1e9)').catch(() => undefined);
    const writers = [writer(0), writer(1)].map((work) => work.catch(() => undefined));
    await expect.poll(() => committed, { timeout: 20_000 }).toBeGreaterThan(500);
    process.kill(pidOf(placed), 'SIGKILL');
    await Promise.all(writers);
    const known = committed;
    expect(serverState(declared.dataDirectory).status).toBe('stopped');
    expect(orphans(declared.dataDirectory).length).toBeGreaterThan(0);

    await bringUp(placed);
    await busy;
    const found = await ask<number>(declared, 'SELECT count(*)::int AS value FROM public.ledger');
    // One insert of each writer may have been committed without its answer arriving.
    expect(found).toBeGreaterThanOrEqual(known);
    expect(found).toBeLessThanOrEqual(known + 2);
    expect(await activation(placed)).toBe('none');
  });
});

it('does not start with a port that is taken, nor make anything', async () => {
  const taken = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
  try {
    const declared = await declaration({ port });
    expect((await problemOf(() => bringUp(place(declared)))).code).toBe('port-taken');
    expect(serverState(declared.dataDirectory).status).toBe('absent');
  } finally {
    taken.close();
  }
});

it('runs as an ordinary account when root starts it', async (context) => {
  if (!isRoot) return context.skip('needs root');
  const declared = await declaration({ account: 'nobody' });
  const placed = place(declared);
  await bringUp(placed);
  const users = execFileSync('ps', ['-o', 'user=', '-p', String(pidOf(placed))], { encoding: 'utf8' });
  expect(users.trim()).toBe('nobody');
  // Without the setting its data says who runs it.
  expect(place({ ...declared, account: undefined }).process.account.name).toBe('nobody');
});
