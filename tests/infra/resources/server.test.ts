import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { serverIn } from '../../../infra/resources/handlers/server';
import type { ServerInputs, ServerOutputs } from '../../../infra/resources/server';
import { withClient } from '../../../postgres/connection/client';
import { stopServer } from '../../../postgres/server/process';
import { serverState } from '../../../postgres/server/state';
import { NEWEST_MAJOR } from '../../../postgres/tuning/parameter';
import { CHOICES, cleanUp, controlData, declaration, folder, project } from '../../postgres/server/support';

/** What Pulumi sends for a value it does not know yet. */
const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const ID = 'server';

/** The folder of Pulumi.yaml, of the declaration made last; another test's is found by its absolute paths. */
let root = '';
const server = serverIn(() => root);

async function inputs(change: Partial<ServerInputs> = {}): Promise<ServerInputs> {
  root = project();
  const { binaries, host, port, adminUser, adminPassword, parameters } = await declaration({ packageRoot: root });
  const paths = { dataDirectory: '.coachdb/local/data', logDirectory: '.coachdb/local/logs' };
  const declared = { ...paths, binaries, host, port, adminUser, adminPassword };
  return { ...declared, ...change, parameters: { ...parameters, ...change.parameters } };
}

const reasons = async (news: ServerInputs, olds?: Partial<ServerInputs>): Promise<Record<string, string>> => {
  const { failures } = await server.check(olds, news);
  return Object.fromEntries(failures.map(({ property, reason }) => [property, reason]));
};

const data = (): string => join(root, '.coachdb', 'local', 'data');
const logs = (): string => join(root, '.coachdb', 'local', 'logs');
const stopIt = (mode?: 'immediate'): Promise<void> => stopServer({ dataDirectory: data(), logDirectory: logs() }, mode);
const roots: string[] = [];
afterAll(async () => {
  for (root of roots) if (existsSync(data())) await stopIt('immediate');
  await cleanUp();
});

describe('check', () => {
  it('reports everything wrong with the shape at once', async () => {
    const bad = {
      ...(await inputs()),
      dataDirectory: '',
      host: '0.0.0.0',
      port: 70000,
      binaries: 'newest',
      adminUser: 'pg_boss',
      adminPassword: 'two\nlines',
    };
    const found = await reasons(bad);
    expect(Object.keys(found).sort()).toEqual([
      'adminPassword',
      'adminUser',
      'binaries',
      'dataDirectory',
      'host',
      'port',
    ]);
    expect(found.host).toContain('loopback only');
    expect(JSON.stringify(found)).not.toContain('two');
  });

  it('reports parameters, directory and port together, each with its remedy', async () => {
    const news = await inputs({ parameters: { shared_buffers: '900TB', work_memm: '4MB', listen_addresses: '*' } });
    const occupant = createServer();
    await new Promise<void>((resolve) => occupant.listen(news.port, '127.0.0.1', resolve));
    try {
      const found = await reasons({ ...news, dataDirectory: root });
      expect(found['parameters.shared_buffers']).toMatch(/900TB/);
      expect(found['parameters.work_memm']).toContain('work_mem');
      expect(found['parameters.listen_addresses']).toContain('loopback');
      expect(found.dataDirectory).toMatch(/no data directory.*coach:server\.dataDirectory/s);
      expect(found.port).toContain(`process ${process.pid}`);
    } finally {
      occupant.close();
    }
    const much = await reasons(await inputs({ parameters: { shared_buffers: '4000GB' } }));
    expect(much['parameters.shared_buffers']).toMatch(/more than the \d+MB of memory/);
  });

  it('names the places looked at when there are no binaries', async () => {
    const found = await reasons(await inputs({ binaries: folder() }));
    expect(found['']).toMatch(/No usable PostgreSQL.*no initdb.*apt-get install/s);
  });

  it('warns of a major newer than the known ones, and takes each parameter as in the newest', async () => {
    const newer = folder();
    for (const program of ['initdb', 'postgres']) {
      writeFileSync(join(newer, program), `#!/bin/sh\necho '${program} (PostgreSQL) ${NEWEST_MAJOR + 1}devel'\n`);
      chmodSync(join(newer, program), 0o755);
    }
    const told: string[] = [];
    const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => told.push(String(text)) > 0);
    try {
      expect(await reasons(await inputs({ binaries: newer, parameters: { work_mem: '4MB' } }))).toEqual({});
      const removed = await reasons(await inputs({ binaries: newer, parameters: { old_snapshot_threshold: 1 } }));
      expect(Object.keys(removed)).toEqual(['parameters.old_snapshot_threshold']);
      expect(await reasons(await inputs())).toEqual({});
    } finally {
      spy.mockRestore();
    }
    expect(told).toEqual([
      expect.stringMatching(
        new RegExp(`^warning: PostgreSQL ${NEWEST_MAJOR + 1}devel .* is newer than .*coach:server.binaries`),
      ),
    ]);
  });

  it('says that a first run starts it, also before the password is known', async () => {
    const checked = await server.check(undefined, { ...(await inputs({ adminPassword: UNKNOWN })), __preview: true });
    expect(checked).toMatchObject({ failures: [], inputs: { activation: 'start' } });
  });
});

describe('a server resource', () => {
  let news: ServerInputs;
  let olds: ServerOutputs;

  beforeAll(async () => {
    news = await inputs({ parameters: { work_mem: '4MB' } });
    const { inputs: checked } = await server.check(undefined, news);
    olds = (await server.create(checked)).outs;
    roots.push(root);
  });

  const plan = async (
    change: Partial<ServerInputs>,
  ): Promise<{ activation?: string; changes: boolean; next: ServerInputs }> => {
    const parameters = { ...news.parameters, ...change.parameters };
    const asked = { ...news, ...change, parameters, __preview: true };
    const { inputs: next, failures } = await server.check(olds, asked);
    expect(failures).toEqual([]);
    const { changes, replaces } = await server.diff(ID, olds, next);
    expect(replaces ?? []).toEqual([]);
    return { activation: next.activation ?? '', changes, next };
  };
  const apply = async (next: ServerInputs): Promise<void> => {
    olds = (await server.update(ID, olds, next)).outs;
    news = next;
  };
  const ask = async (sql: string): Promise<unknown> => {
    const { host, port, adminUser: user, adminPassword: password } = news;
    const target = { host, port, database: 'postgres', user, password };
    return (await withClient(target, (client) => client.query<{ value: unknown }>(sql))).rows[0]?.value;
  };
  const stop = (): Promise<void> => stopIt();

  it('is there as declared, and nothing changes then', async () => {
    expect(olds).toMatchObject({
      major: expect.any(Number) as number,
      drift: [],
      dataDirectory: '.coachdb/local/data',
      identity: controlData(data(), 'system identifier'),
    });
    expect(await ask('SELECT current_setting($$work_mem$$) AS value')).toBe('4MB');
    expect(await plan({})).toMatchObject({ activation: 'none', changes: false });
    expect(await plan({ parameters: { work_mem: '4096kB' } })).toMatchObject({ changes: false });
    const { id, props, inputs: read } = await server.read(ID, olds);
    expect({ id, props }).toEqual({ id: ID, props: olds });
    expect(read?.parameters).toEqual(news.parameters);
  });

  it('shows in a preview how a change is applied, and then it is', async () => {
    const reload = await plan({ parameters: { work_mem: '8MB' } });
    expect(reload).toMatchObject({ activation: 'reload', changes: true });
    expect(await ask('SELECT current_setting($$work_mem$$) AS value')).toBe('4MB');
    await apply(reload.next);
    expect(await ask('SELECT current_setting($$work_mem$$) AS value')).toBe('8MB');
    const restart = await plan({ parameters: { max_connections: 22 } });
    expect(restart).toMatchObject({ activation: 'restart', changes: true });
    await apply(restart.next);
    expect(await ask('SELECT current_setting($$max_connections$$) AS value')).toBe('22');
  });

  it('shows drift to a refresh, and repairs it', async () => {
    await ask("ALTER SYSTEM SET work_mem = '77MB'");
    const { props, inputs: actual } = await server.read(ID, olds);
    expect(props).toMatchObject({ drift: ['work_mem', 'postgresql.auto.conf'], parameters: { work_mem: '77MB' } });
    expect(actual?.parameters.work_mem).toBe('77MB');
    // Without a refresh too.
    const repair = await plan({});
    expect(repair).toMatchObject({ activation: 'reload', changes: true });
    await apply(repair.next);
    expect((await server.read(ID, olds)).props?.drift).toEqual([]);
  });

  it('shows and starts a stopped one', async () => {
    await stop();
    expect((await server.read(ID, olds)).props?.drift).toEqual(['stopped']);
    const start = await plan({});
    expect(start).toMatchObject({ activation: 'start', changes: true });
    await apply(start.next);
    expect(serverState(data()).status).toBe('running');
  });

  it('changes the administrator’s password while running, also one not known yet in the preview', async () => {
    expect(await plan({ adminPassword: UNKNOWN })).toMatchObject({ activation: 'none', changes: true });
    const rotate = await plan({ adminPassword: 'second-secret' });
    expect(rotate).toMatchObject({ activation: 'none', changes: true });
    await apply(rotate.next);
    expect(await ask('SELECT 1 AS value')).toBe(1);
    await ask("ALTER ROLE postgres PASSWORD 'by hand'");
    expect((await server.read(ID, olds)).props?.drift).toEqual(['password']);
    const reset = await plan({});
    expect(reset).toMatchObject({ activation: 'restart', changes: true });
    await apply(reset.next);
    expect(await ask('SELECT 1 AS value')).toBe(1);
  });

  it('is refused as another one: other directory, other superuser', async () => {
    const elsewhere = await reasons({ ...news, dataDirectory: join(folder(), 'data') }, olds);
    expect(elsewhere.dataDirectory).toMatch(/new, empty one.*mv /s);
    const other = await reasons({ ...news, adminUser: 'somebody' }, olds);
    expect(other.adminUser).toContain('Take the change back');
  });

  it('of one major is refused the programs of another', async (context) => {
    if (CHOICES.length < 2) return context.skip('needs installed and npm binaries of different majors');
    const found = await reasons({ ...news, binaries: CHOICES[1]?.binaries ?? '' }, olds);
    expect(found.dataDirectory).toMatch(/is of PostgreSQL \d+.*pg_dumpall/s);
  });

  it('goes along with a checkout that is moved, running or not', async () => {
    const first = root;
    root = `${first}-moved`;
    renameSync(first, root);
    const there = await plan({});
    expect(there).toMatchObject({ activation: 'restart', changes: true });
    await apply(there.next);
    expect(await ask('SELECT current_setting($$data_directory$$) AS value')).toBe(data());
    expect(await plan({})).toMatchObject({ activation: 'none', changes: false });
    await stop();
    renameSync(root, first);
    root = first;
    const back = await plan({});
    expect(back).toMatchObject({ activation: 'start', changes: true });
    await apply(back.next);
    expect(await ask('SELECT 1 AS value')).toBe(1);
  });

  it('is stopped by delete, its data kept and taken up by the next create, whatever its password was', async () => {
    await ask('CREATE TABLE public.kept AS SELECT 42 AS value');
    await server.delete(ID, olds);
    expect(serverState(data()).status).toBe('stopped');
    await server.delete(ID, olds);
    const { inputs: checked, failures } = await server.check(undefined, {
      ...news,
      adminPassword: 'a new one',
      __preview: true,
    });
    expect({ failures, activation: checked.activation }).toEqual({ failures: [], activation: 'start' });
    olds = (await server.create(checked)).outs;
    news = checked;
    expect(await ask('SELECT value FROM public.kept')).toBe(42);
    await server.delete(ID, olds);
  });

  it('is neither read, changed nor deleted in the place of another one', async () => {
    const other = { ...olds, identity: '1234567890123456789' };
    await expect(server.read(ID, other)).rejects.toThrow(/another server.*1234567890123456789.*\[server-exchanged/s);
    await expect(server.diff(ID, other, news)).rejects.toThrow('[server-exchanged: refused]');
    await expect(server.update(ID, other, news)).rejects.toThrow('[server-exchanged: refused]');
    expect(serverState(data()).status).toBe('stopped');
  });

  it('is not made anew in silence when its data directory is gone', async () => {
    rmSync(data(), { recursive: true });
    await expect(server.read(ID, olds)).rejects.toThrow(
      /is gone.*npm start -- --yes.*\[data-directory-lost: refused\]/s,
    );
    expect((await reasons(news, olds)).dataDirectory).toContain('[data-directory-lost: refused]');
    await expect(server.update(ID, olds, news)).rejects.toThrow('[data-directory-lost: refused]');
    expect(existsSync(data())).toBe(false);
    // A state that knows of none.
    expect(await reasons(news)).toEqual({});
  });
});

it('errors carry their remedy, since only the message reaches the user', async () => {
  const news = await inputs();
  const occupant = createServer();
  await new Promise<void>((resolve) => occupant.listen(news.port, '127.0.0.1', resolve));
  try {
    await expect(server.create(news)).rejects.toThrow(/is taken by process \d+.*\n.*coach:server\.port set to auto/s);
  } finally {
    occupant.close();
  }
});
