import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { serverAccount } from '../../support/cluster';
import { deploy, migrationFolder, problemOf, removeFolders, type Stage, stage } from './support';

const MEGABYTES = 8;
let place: Stage;
let mount: string | undefined;
let obstacle = '';

/** A file system of a few megabytes for a tablespace; only root may mount one. */
beforeAll(async () => {
  const account = await serverAccount();
  if (account === undefined) {
    obstacle = 'needs root, to mount a small file system';
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'coach-full-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    rmSync(folder, { recursive: true });
    obstacle = `no small file system can be mounted here: ${(error as Error).message}`;
    return;
  }
  mount = folder;
  chownSync(folder, account.uid, account.gid);
  place = await stage('full');
  await place.database.client.query(`CREATE TABLESPACE coach_tiny OWNER ${place.owner} LOCATION '${folder}'`);
});

afterAll(async () => {
  removeFolders();
  if (mount === undefined) return;
  await place.close();
  execFileSync('umount', ['-l', mount]);
  rmSync(mount, { recursive: true });
});

it('says that the disk is full and leaves nothing of the migration', async (context) => {
  if (mount === undefined) return context.skip(obstacle);
  const sql = `CREATE TABLE small (id int);
CREATE TABLE large TABLESPACE coach_tiny AS SELECT repeat(md5(g::text), 30) AS filler FROM generate_series(1, 100000) g;`;
  const error = await problemOf(() => deploy(place, migrationFolder({ '20250101000000_large': sql })));
  expect(error.message).toMatch(/line 2, column 1.*SQLSTATE 53100/);
  expect(error.message).toContain('Nothing of this migration was applied.');
  expect(error.remedy).toContain('Free space on the server');
  const { rows } = await place.database.client.query(
    `SELECT to_regclass('small') AS small, to_regclass('large') AS large, (SELECT count(*)::int FROM _prisma_migrations) AS recorded`,
  );
  expect(rows).toEqual([{ small: null, large: null, recorded: 0 }]);
  await place.database.client.query('DROP TABLESPACE coach_tiny');
});
