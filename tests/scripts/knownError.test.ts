import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { failed } from '../../scripts/command';
import { freshDatabase, type TestDatabase } from '../support/database';

let folder: string;
let place: TestDatabase;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'coach-known-'));
  place = await freshDatabase('known');
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await place.drop();
});

/** What a command reports of what `work` throws. */
async function problemOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return failed([error]).problems[0];
  }
  throw new Error('Nothing was thrown.');
}

it('names a missing file', async () => {
  const path = join(folder, 'missing');
  expect(await problemOf(() => readFileSync(path))).toMatchObject({
    code: 'file-missing',
    object: path,
    message: `${path} does not exist.`,
  });
  writeFileSync(join(folder, 'file'), '');
  expect(await problemOf(() => readFileSync(join(folder, 'file', 'below')))).toMatchObject({ code: 'file-missing' });
});

it('says what PostgreSQL refused, with SQLSTATE and a way on', async () => {
  expect(await problemOf(() => place.client.query('SELECT * FROM nowhere'))).toMatchObject({
    code: 'database-error',
    object: '42P01',
    message: 'PostgreSQL refused a statement: relation "nowhere" does not exist (SQLSTATE 42P01).',
    remedy: expect.stringContaining('npm run coachdb -- logs') as string,
  });
});

it('leaves what nobody foresaw unexpected', async () => {
  expect(await problemOf(() => Promise.reject(new TypeError('x is no function')))).toMatchObject({
    code: 'unexpected',
  });
});
