import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, expect, it } from 'vitest';

import { readMigrationFolder } from '../../../postgres/migrations/folder';
import { prismaDeploy } from '../../support/schemaEngine';
import { snapshot } from './snapshot';
import { deploy, type Stage, stage } from './support';

const HISTORIES = join(__dirname, '../../fixtures/migrations');

/** Which files Prisma takes statement by statement alone; in these folders statements are separated by an empty line. */
const APART = new Set([
  '20231130170000_open_index',
  '20240301120000_new_default',
  '20240105000000_tidy',
  '20240106000000_rename',
]);
const paragraphs = (script: string): string[] => script.split(/(?<=;)\n\n/);

const scratch = mkdtempSync(join(tmpdir(), 'coach-histories-'));
afterAll(() => rmSync(scratch, { recursive: true }));

it.each(readdirSync(HISTORIES))('%s: file by file what Prisma leaves', { timeout: 180_000 }, async (history) => {
  const [theirs, ours] = [await stage('history_p'), await stage('history_h')];
  try {
    await compare(join(HISTORIES, history), join(scratch, history), theirs, ours);
  } finally {
    await ours.client.end();
    await theirs.close();
    await ours.close();
  }
});

async function compare(source: string, grown: string, theirs: Stage, ours: Stage): Promise<void> {
  const { migrations } = readMigrationFolder(source);
  expect(migrations.length).toBeGreaterThan(5);
  cpSync(join(source, 'migration_lock.toml'), join(grown, 'migration_lock.toml'));
  const config = { ...theirs.target, options: `-c role=${theirs.owner}` };
  const files: [string, string][] = [];
  for (const { name, sql } of migrations) {
    files.push([name, sql]);
    cpSync(join(source, name), join(grown, name), { recursive: true });
    const prisma = await prismaDeploy(config, files, (text) => (APART.has(name) ? paragraphs(text) : [text]));
    expect(prisma).toEqual({ error: null, applied: [name] });
    await reconnect(ours);
    expect((await deploy(ours, grown)).applied.map((migration) => migration.name)).toEqual([name]);
    expect(await snapshot(ours.database.client), name).toEqual(await snapshot(theirs.database.client));
  }
}

/** Each deploy is a run of its own, as Prisma's is. */
async function reconnect(place: Stage): Promise<void> {
  await place.client.end();
  place.client = new Client(place.target);
  await place.client.connect();
}
