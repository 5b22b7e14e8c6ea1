import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openClient, withClient } from '../../postgres/connection/client';
import { load, type LoadOptions, Sources } from '../postgres/transfer/source';
import { embeddedBinaries, installedBinaries, serverAccount, startCluster, type TestCluster } from '../support/cluster';
import { compileInto } from '../support/compiled';
import { eventually } from '../support/eventually';

const run = promisify(execFile);
/** `npm run test:transfer` has fifty. */
const ROUNDS = Number(process.env['COACH_TRANSFER_ROUNDS'] ?? 6);
const ROWS = 30_000;

let cluster: TestCluster;
let sources: Sources;
let file: string;
let compiled: string;
/** The state before each test, and after a whole load. */
let before: string;
let whole: string;
let wholeMs: number;

const target = (port = cluster.port) => ({
  host: '127.0.0.1',
  port,
  database: 'postgres',
  user: 'postgres',
  password: 'test',
  sslMode: 'disable' as const,
});

beforeAll(async () => {
  const binaries = embeddedBinaries() ?? installedBinaries();
  if (binaries === undefined) throw new Error('no PostgreSQL');
  // A killed server starts again by itself, and soon.
  cluster = await startCluster(binaries, `restart_after_crash = on\nidle_in_transaction_session_timeout = 0\n`);
  sources = new Sources();
  compiled = compileInto('coach-transfer-', ['tests/postgres/transfer/source.ts', 'postgres/connection/client.ts']);
  file = sources.make(
    `CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT, at DATETIME); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
     INSERT INTO parent SELECT i, 'name ' || i, 1700000000000 + i FROM n`,
    `CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER, score REAL, settings TEXT); INSERT INTO child SELECT id, id, id / 7.0, '{"n": ' || id || '}' FROM parent`,
  );
  await reset();
  before = await state();
  await loadTimes(2);
  const started = performance.now();
  await withClient(target(), (client) => load(client, file, { truncate: true }));
  wholeMs = performance.now() - started;
  whole = await state();
  expect(whole).not.toBe(before);
}, 120_000);
afterAll(async () => {
  await cluster.stop();
  sources.remove();
  rmSync(compiled, { recursive: true, force: true });
});
beforeEach(reset);

async function loadTimes(times: number): Promise<void> {
  for (let time = 0; time < times; time++)
    await withClient(target(), (client) => load(client, file, { truncate: true }));
}

/** Two tables with a row each, an index, a reference and a trigger. */
function reset(): Promise<unknown> {
  return withClient(target(), (client) =>
    client.query(`
      DROP TABLE IF EXISTS public.child, public.parent; DROP FUNCTION IF EXISTS public.never;
      CREATE TABLE public.parent (id serial PRIMARY KEY, name text NOT NULL, at timestamp(3)); CREATE INDEX parent_name ON public.parent (name);
      CREATE TABLE public.child (id int PRIMARY KEY, parent int REFERENCES public.parent, score float8, settings jsonb);
      INSERT INTO public.parent VALUES (1, 'before', now()); INSERT INTO public.child VALUES (1, 1, 0, '{}');
      UPDATE public.parent SET at = '2020-01-01';
      CREATE FUNCTION public.never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''fired''; END';
      CREATE TRIGGER never BEFORE INSERT ON public.child FOR EACH ROW EXECUTE FUNCTION public.never()`),
  );
}

/** Rows, definitions, trigger and sequence as text. */
function state(): Promise<string> {
  return withClient(target(), async (client) => {
    const { rows } = await client.query<Record<string, unknown>>(`
      SELECT (SELECT count(*) || ' ' || sum(hashtextextended(p::text, 0)) FROM public.parent AS p) AS parents,
             (SELECT count(*) || ' ' || sum(hashtextextended(c::text, 0)) FROM public.child AS c) AS children,
             (SELECT string_agg(pg_get_indexdef(indexrelid) || indisvalid, '; ' ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid IN ('public.parent'::regclass, 'public.child'::regclass)) AS indexes,
             (SELECT string_agg(conname || pg_get_constraintdef(oid) || convalidated, '; ' ORDER BY conname) FROM pg_constraint WHERE conrelid IN ('public.parent'::regclass, 'public.child'::regclass)) AS constraints,
             (SELECT string_agg(tgname || tgenabled::text, '; ' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal) AS triggers,
             (SELECT last_value || ' ' || is_called FROM public.parent_id_seq) AS sequence`);
    return JSON.stringify(rows[0]);
  });
}

const LOADER = `
const { load } = require(process.argv[1] + '/tests/postgres/transfer/source.js');
const { openClient } = require(process.argv[1] + '/postgres/connection/client.js');
(async () => {
  const client = await openClient(JSON.parse(process.argv[2]));
  await load(client, process.argv[3], { truncate: true, onPhase: (phase) => console.log(phase) });
  await client.end();
})().catch((error) => { console.log('failed', error.code, error.message); process.exit(1); });`;

/** A process that loads; what it said, once it ended. */
function loader(port = cluster.port): { child: ChildProcess; begun: Promise<void>; ended: Promise<string> } {
  const child = spawn(process.execPath, ['-e', LOADER, compiled, JSON.stringify(target(port)), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const begun = new Promise<void>((resolve) => {
    child.stdout?.on('data', (data: Buffer) => {
      said += data.toString();
      resolve();
    });
    child.once('close', () => resolve());
  });
  return { child, begun, ended: new Promise((resolve) => child.once('close', () => resolve(said))) };
}

/** A proxy in front of the server whose connections can be cut. */
async function proxy(): Promise<{ port: number; cut: () => void; close: () => void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((inner) => {
    const outer = connect(cluster.port, '127.0.0.1');
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => [inner, outer].forEach((each) => each.destroy()));
    }
    inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    port: (server.address() as { port: number }).port,
    cut,
    close: () => {
      cut();
      server.close();
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function killServer(): Promise<void> {
  const pid = Number(readFileSync(join(cluster.dataDirectory, 'postmaster.pid'), 'utf8').split('\n')[0]);
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  for (const each of [pid, ...children]) kill(each);
  // Whose memory is in use by one of them does not start again.
  await eventually('the end of the server', () =>
    Promise.resolve([pid, ...children].some(isRunning) ? undefined : true),
  );
  // Where nobody collects dead processes PostgreSQL takes this one for a server at work.
  rmSync(join(cluster.dataDirectory, 'postmaster.pid'));
  const options = { ...(await serverAccount()), cwd: '/', env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } };
  const log = join(cluster.dataDirectory, '..', 'log');
  await run(join(cluster.binaries, 'pg_ctl'), ['-D', cluster.dataDirectory, '-l', log, '-w', 'start'], options);
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function isUp(): Promise<true | undefined> {
  const client = await openClient(target()).catch(() => undefined);
  await client?.end();
  return client === undefined ? undefined : true;
}

/** The server's own process for the load, where there is one yet. */
async function backendOf(): Promise<number | undefined> {
  return withClient(target(), async (client) => {
    const { rows } = await client.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    );
    return rows[0]?.pid;
  });
}

const FAULTS: Record<string, () => Promise<void>> = {
  'the loading process': async () => {
    const { child, begun, ended } = loader();
    await begun;
    await pause(Math.random() * 0.8 * wholeMs);
    child.kill('SIGKILL');
    await ended;
    // Its transaction ends when the server notices.
    await eventually('the end of its session', async () => ((await backendOf()) === undefined ? true : undefined));
  },
  'its backend': async () => {
    const { begun, ended } = loader();
    await begun;
    await pause(Math.random() * 0.8 * wholeMs);
    const pid = await backendOf();
    if (pid !== undefined) kill(pid);
    expect(await ended).toMatch(/failed connection-lost|commit/);
    await eventually('a server again', isUp);
  },
  'the server': async () => {
    const { begun, ended } = loader();
    await begun;
    await pause(Math.random() * 0.8 * wholeMs);
    await killServer();
    expect(await ended).toMatch(/failed connection-lost|commit/);
  },
  'the connection': async () => {
    const between = await proxy();
    const { begun, ended } = loader(between.port);
    await begun;
    await pause(Math.random() * 0.8 * wholeMs);
    between.cut();
    expect(await ended).toMatch(/failed connection-lost|commit/);
    between.close();
    await eventually('the end of its session', async () => ((await backendOf()) === undefined ? true : undefined));
  },
};

it(
  'a kill of loader, backend, server or connection leaves all or nothing, and the next run succeeds',
  { timeout: 60_000 + ROUNDS * 20_000 },
  async () => {
    const faults = Object.entries(FAULTS);
    for (let round = 0; round < ROUNDS; round++) {
      const [name, fault] = faults[round % faults.length] as (typeof faults)[number];
      await reset();
      await fault();
      const left = await state();
      expect([before, whole], `round ${round}: ${name}`).toContain(left);
      await loadTimes(1);
      expect(await state(), `round ${round}: after ${name}`).toBe(whole);
    }
  },
);

describe('a load that cannot go on', () => {
  const loading = (options: LoadOptions = {}): Promise<unknown> =>
    withClient(target(), (client) => load(client, file, { truncate: true, ...options }));

  it('because another one is under way says so, and that one succeeds', async () => {
    let second: Promise<unknown> | undefined;
    await loading({
      onPhase: (phase) => {
        if (phase === 'rows') (second = loading()).catch(() => undefined);
      },
    });
    await expect(second).rejects.toMatchObject({ code: 'transfer-running', kind: 'locked' });
    expect(await state()).toBe(whole);
  });

  it('because the application holds a lock waits, then gives up with nothing changed', async () => {
    const holder: Client = await openClient(target());
    await holder.query('BEGIN; SELECT FROM public.parent');
    await expect(loading({ lockWaitMs: 100 })).rejects.toMatchObject({ code: 'target-locked', kind: 'locked' });
    await holder.query('ROLLBACK');
    await holder.end();
    expect(await state()).toBe(before);
  });

  it.each(['rows', 'indexes', 'references', 'checksums'])(
    'because it is interrupted in the phase %s keeps nothing',
    async (at) => {
      const abort = new AbortController();
      const reason = new Error('interrupted');
      const interrupted = loading({
        signal: abort.signal,
        onPhase: (phase) => {
          if (phase === at) abort.abort(reason);
        },
      });
      await expect(interrupted).rejects.toBe(reason);
      expect(await state()).toBe(before);
    },
  );

  it('because the server’s disk is full says so, and succeeds with space', async (context) => {
    const disk = mkdtempSync(join(tmpdir(), 'coach-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'none', disk], { stdio: 'ignore' });
    } catch {
      rmSync(disk, { recursive: true });
      return context.skip('needs root and the right to mount a small tmpfs');
    }
    try {
      const account = await serverAccount();
      if (account !== undefined) chownSync(disk, account.uid, account.gid);
      chmodSync(disk, 0o700);
      await withClient(target(), (client) =>
        client
          .query(`CREATE TABLESPACE small LOCATION '${disk}'`)
          .then(() => client.query('ALTER TABLE public.child SET TABLESPACE small')),
      );
      const here = await state();
      await expect(loading()).rejects.toMatchObject({ code: 'server-disk-full' });
      expect(await state()).toBe(here);
      execFileSync('mount', ['-o', 'remount,size=64m', disk]);
      await loading();
      expect(await state()).toBe(whole);
    } finally {
      await withClient(target(), async (client) => {
        await client.query('ALTER TABLE public.child SET TABLESPACE pg_default');
        await client.query('CHECKPOINT');
        await client.query('DROP TABLESPACE IF EXISTS small');
      });
      // A process of the server may have looked at it last.
      execFileSync('umount', ['--lazy', disk]);
      rmSync(disk, { recursive: true });
    }
  });
});

it('time-outs of role and database do not end a load', async () => {
  const { rows } = await withClient(target(), (client) =>
    client.query<{ name: string }>(
      `SELECT name FROM pg_settings WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout', 'lock_timeout', 'idle_session_timeout')`,
    ),
  );
  const all = (verb: (name: string) => string): Promise<unknown> =>
    withClient(target(), (client) =>
      client.query(
        rows.map(({ name }) => `ALTER ROLE postgres ${verb(name)}; ALTER DATABASE postgres ${verb(name)}`).join('; '),
      ),
    );
  // Connecting itself is a transaction.
  await all((name) => `SET ${name} = '${name === 'transaction_timeout' ? 50 : 1}ms'`);
  try {
    await loadTimes(1);
  } finally {
    await all((name) => `RESET ${name}`);
  }
  expect(await state()).toBe(whole);
});
