import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import { bringUp } from '../../../postgres/server/bringUp';
import { ensureDataDirectory } from '../../../postgres/server/initialize';
import { stopServer } from '../../../postgres/server/process';
import { adminTarget, type PlacedServer, type ServerDeclaration } from '../../../postgres/server/server';
import { serverState } from '../../../postgres/server/state';
import { compileInto, ROOT } from '../../support/compiled';
import { CHOICES, cleanUp, declaration, folder, isRoot, place, problemOf } from './support';

const LIBRARY = ['', '/connection', '/server', '/tuning', '/roles'].map((name) => `postgres${name}`);
let compiled: string;
beforeAll(() => {
  compiled = compileInto('coach-compiled-', LIBRARY);
});
afterAll(async () => {
  await cleanUp();
  rmSync(compiled, { recursive: true });
});

/** In a process of its own, until it has printed that. */
async function startMaking(declared: ServerDeclaration, stopAt: string, until: string): Promise<ChildProcess> {
  const systemFolder = join(declared.packageRoot, 'system');
  const argument = JSON.stringify({
    compiled: join(compiled, 'postgres', 'server'),
    declaration: declared,
    systemFolder,
    stopAt,
  });
  const child = spawn(process.execPath, [join(__dirname, 'making.cjs'), argument], {
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (data: Buffer) => {
      said += data.toString();
      if (said.includes(until)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`It ended with ${code}, having said: ${said}`)));
  });
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

async function superuser(declared: ServerDeclaration): Promise<string | undefined> {
  const sql = 'SELECT current_user AS name';
  const { rows } = await withClient(adminTarget(declared), (client) => client.query<{ name: string }>(sql));
  return rows[0]?.name;
}

const initialize = (placed: PlacedServer): Promise<boolean> => {
  mkdirSync(dirname(placed.process.dataDirectory), { recursive: true });
  return ensureDataDirectory({ ...placed.process, adminUser: 'postgres', adminPassword: 'first-secret' });
};

describe('SIGKILL while a server is made', () => {
  it.each(['folder', 'password', 'rename', 'started'])(
    'at step %s leaves nothing as good that is not, and the next run converges',
    async (step) => {
      const declared = await declaration();
      await kill(await startMaking(declared, step, 'stopped'));
      expect(existsSync(join(declared.dataDirectory, 'PG_VERSION'))).toBe(step === 'started');

      await bringUp(place(declared));
      expect(await superuser(declared)).toBe('postgres');
      // No half-made folder and no password file is left.
      expect(readdirSync(dirname(declared.dataDirectory)).sort()).toEqual(['data', 'logs']);
    },
  );

  it.each(['', 'base/1', 'global/pg_control'])('in the middle of initdb too, once there is data/%s', async (path) => {
    const declared = await declaration();
    const child = await startMaking(declared, '', 'step initdb');
    const home = dirname(declared.dataDirectory);
    const [unfinished = ''] = readdirSync(home).filter((name) => name.includes('.initializing-'));
    await expect
      .poll(() => existsSync(join(home, unfinished, 'data', path)), { interval: 1, timeout: 20_000 })
      .toBe(true);
    await kill(child);
    expect(existsSync(declared.dataDirectory)).toBe(false);

    await bringUp(place(declared));
    expect(await superuser(declared)).toBe('postgres');
    expect(readdirSync(dirname(declared.dataDirectory)).sort()).toEqual(['data', 'logs']);
  });
});

it('two at once make one server, and both find it', async () => {
  const declared = await declaration();
  const [a, b] = await Promise.all([startMaking(declared, '', 'brought up'), startMaking(declared, '', 'brought up')]);
  expect([a.exitCode ?? 0, b.exitCode ?? 0]).toEqual([0, 0]);
  expect(serverState(declared.dataDirectory).status).toBe('running');
  expect(await superuser(declared)).toBe('postgres');
  expect(readdirSync(dirname(declared.dataDirectory)).sort()).toEqual(['data', 'logs']);
  place(declared);
});

it('the file that tells initdb the password is for its account alone, and gone afterwards', async () => {
  const { process: placed } = place(await declaration());
  mkdirSync(dirname(placed.dataDirectory), { recursive: true });
  const files: { mode: number; text: string }[] = [];
  const passwordFiles = (): string[] => {
    const names = readdirSync(dirname(placed.dataDirectory), { recursive: true, encoding: 'utf8' });
    return names
      .filter((name) => basename(name) === 'password')
      .map((name) => join(dirname(placed.dataDirectory), name));
  };
  await ensureDataDirectory({
    ...placed,
    adminUser: 'postgres',
    adminPassword: 'first-secret',
    onStep: (step) => {
      if (step !== 'initdb') return;
      for (const path of passwordFiles())
        files.push({ mode: statSync(path).mode & 0o777, text: readFileSync(path, 'utf8') });
    },
  });
  expect(files).toEqual([{ mode: 0o600, text: 'first-secret\n' }]);
  expect(passwordFiles()).toEqual([]);
});

describe('what a new server is like', () => {
  it.each(CHOICES)('checksums, scram, UTF8, code point order, private ($name)', async ({ binaries }) => {
    const declared = await declaration({ binaries, adminUser: 'Coach Admin', adminPassword: `a'b"c\\d é` });
    const placed = place(declared);
    await bringUp(placed);
    const rows = await withClient(adminTarget(declared), async (client) => {
      const result = await client.query<Record<string, string>>(
        `SELECT current_setting('data_checksums') AS checksums, getdatabaseencoding() AS encoding,
                current_setting('listen_addresses') AS addresses, current_setting('unix_socket_directories') AS sockets,
                'Z' < 'a' AS "codePoints", upper('é') AS letters, current_setting('timezone') AS zone,
                (SELECT left(rolpassword, 13) FROM pg_authid WHERE rolname = current_user) AS password,
                (SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules) AS methods`,
      );
      return result.rows;
    });
    expect(rows).toEqual([
      {
        checksums: 'on',
        encoding: 'UTF8',
        addresses: '127.0.0.1',
        sockets: '',
        codePoints: true,
        letters: 'É',
        zone: 'UTC',
        password: 'SCRAM-SHA-256',
        methods: 'scram-sha-256',
      },
    ]);
    const { mode, uid } = statSync(declared.dataDirectory);
    expect(mode & 0o777).toBe(0o700);
    if (isRoot) expect(uid).toBe(placed.process.account.uid);
    expect(uid).not.toBe(0);
    expect(statSync(dirname(declared.dataDirectory)).mode & 0o777).toBe(0o711);
  });
});

describe('a data directory that is not ours to run', () => {
  it('of another major is refused, with the way to carry the data over', async () => {
    const declared = await declaration();
    mkdirSync(declared.dataDirectory, { recursive: true });
    writeFileSync(join(declared.dataDirectory, 'PG_VERSION'), '12\n');
    const error = await problemOf(() => initialize(place(declared)));
    expect(error).toMatchObject({ code: 'major-mismatch', kind: 'refused', object: declared.dataDirectory });
    expect(error.message).toContain('is of PostgreSQL 12');
    expect(error.remedy).toMatch(/pg_dumpall.*pg_upgrade/);
    expect(readdirSync(declared.dataDirectory)).toEqual(['PG_VERSION']);
  });

  it('that holds something else is refused and left alone; an empty one is taken', async () => {
    const declared = await declaration();
    const placed = place(declared);
    mkdirSync(declared.dataDirectory, { recursive: true });
    writeFileSync(join(declared.dataDirectory, 'thesis.txt'), 'ten years of work');
    const error = await problemOf(() => initialize(placed));
    expect(error.code).toBe('data-directory-foreign');
    expect(readFileSync(join(declared.dataDirectory, 'thesis.txt'), 'utf8')).toBe('ten years of work');

    const empty = place(await declaration());
    const { dataDirectory } = empty.process;
    mkdirSync(dataDirectory, { recursive: true });
    const theirs = `${dataDirectory}.initializing-999999999-x`;
    mkdirSync(theirs);
    writeFileSync(join(theirs, 'thesis.txt'), '');
    expect(await initialize(empty)).toBe(true);
    expect(await initialize(empty)).toBe(false);
    expect(readdirSync(theirs)).toEqual(['thesis.txt']);
  });

  it('of another account is refused, with the command that hands it over', async (context) => {
    if (!isRoot) return context.skip('needs root, to give a folder to another account');
    const declared = await declaration({ account: 'nobody' });
    mkdirSync(declared.dataDirectory, { recursive: true });
    writeFileSync(join(declared.dataDirectory, 'PG_VERSION'), `${place(declared).binaries.major}\n`);
    chownSync(declared.dataDirectory, 12345, 12345);
    const error = await problemOf(() => initialize(place(declared)));
    expect(error.code).toBe('owner-foreign');
    expect(error.message).toMatch(/belongs to user id 12345.*run as nobody/);
    expect(error.remedy).toContain(`chown -R nobody ${declared.dataDirectory}`);
  });
});

/** Only root may mount a small file system. Returns why not, where it cannot be done. */
function mount(megabytes: number): { at: string; unmount: () => void } | string {
  if (!isRoot) return 'needs root, to mount a small file system';
  const at = folder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', at], { stdio: 'pipe' });
  } catch (error) {
    return `no small file system can be mounted here: ${(error as Error).message}`;
  }
  return { at, unmount: () => execFileSync('umount', ['-l', at]) };
}

describe('a disk that fills up', () => {
  it.for([
    { when: 'early in initdb', megabytes: 8 },
    { when: 'late in initdb', megabytes: 36 },
  ])('$when: said, and nothing half-made is left', async ({ megabytes }, context) => {
    const disk = mount(megabytes);
    if (typeof disk === 'string') return context.skip(disk);
    try {
      const placed = place(await declaration({ dataDirectory: join(disk.at, 'pg', 'data') }));
      const error = await problemOf(() => initialize(placed));
      expect(error.code).toBe('disk-full');
      expect(error.message).toContain(disk.at);
      expect(error.remedy).toMatch(/Free space.*nothing half-made/i);
      expect(readdirSync(join(disk.at, 'pg'))).toEqual([]);
    } finally {
      disk.unmount();
    }
  });

  it('at the start of a server: said, the data kept, and the next start works', async (context) => {
    const disk = mount(90);
    if (typeof disk === 'string') return context.skip(disk);
    try {
      const placed = place(await declaration({ dataDirectory: join(disk.at, 'pg', 'data') }));
      await initialize(placed);
      const filler = join(disk.at, 'filler');
      execFileSync('sh', ['-c', `cat /dev/zero > ${filler} 2>/dev/null || true`]);
      const error = await problemOf(() => bringUp(placed));
      expect(error.code).toBe('disk-full');
      execFileSync('rm', [filler]);
      await bringUp(placed);
      expect(await superuser(placed.declaration)).toBe('postgres');
      await stopServer(placed.process);
    } finally {
      disk.unmount();
    }
  });
});
