import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { describe, expect, inject, it } from 'vitest';

import { availableExtensions } from '../../../postgres/extensions/available';
import { extensionsOnDisk } from '../../../postgres/extensions/onDisk';

const SERVERS = [inject('cluster'), inject('otherCluster')].filter((server) => server !== null);

const plain = (versions: ReadonlyMap<string, string[]> | undefined): unknown =>
  [...(versions ?? [])].map(([name, all]) => [name, [...all].sort()] as const).sort(([a], [b]) => (a < b ? -1 : 1));

describe.each(SERVERS)('the extensions of an installation ($binaries)', ({ binaries, host, port, user, password }) => {
  it('are those that its server lists, in every version', async () => {
    const client = new Client({ host, port, user, password, database: 'postgres' });
    await client.connect();
    const listed = await availableExtensions(client);
    await client.end();
    expect(listed.size).toBeGreaterThan(30);
    expect(plain(extensionsOnDisk(binaries))).toEqual(plain(listed));
  });
});

it('follows updates from version to version, and a folder that the control file names; without a share folder nothing is known', () => {
  const root = mkdtempSync(join(tmpdir(), 'coach-extensions-'));
  try {
    const [programs, folder, apart] = ['bin', 'share/extension', 'share/apart'].map((path) => join(root, path));
    for (const path of [programs, folder, apart]) mkdirSync(path ?? '', { recursive: true });
    const file = (path: string, text = ''): void => writeFileSync(join(root, 'share', path), text);
    file('extension/one.control', `comment = 'x'\n`);
    for (const script of ['1.0', '1.0--1.1', '1.1--2.0', '0.8--0.9']) file(`extension/one--${script}.sql`);
    file('extension/one--1.1.control', `requires = 'x'\n`);
    file('extension/two.control', `directory = 'apart' # of its own\n`);
    file('apart/two--3.sql');
    const found = { one: ['1.0', '1.1', '2.0'], two: ['3'] };
    expect(Object.fromEntries(extensionsOnDisk(programs ?? '') ?? [])).toEqual(found);
    mkdirSync(join(root, 'elsewhere'));
    cpSync(programs ?? '', join(root, 'elsewhere/bin'), { recursive: true });
    expect(extensionsOnDisk(join(root, 'elsewhere/bin'))).toBeUndefined();
  } finally {
    rmSync(root, { recursive: true });
  }
});
