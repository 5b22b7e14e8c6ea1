import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { bringUp, startAgain } from '../../../postgres/server/bringUp';
import { readControlFile } from '../../../postgres/server/control';
import {
  isWhole,
  type OwnedDirectory,
  OWNER_FILE,
  ownershipOf,
  requireOwn,
  requireRunnable,
} from '../../../postgres/server/ownership';
import { formerHome, pathForState, pathsHere } from '../../../postgres/server/paths';
import { stopServer } from '../../../postgres/server/process';
import { serverState } from '../../../postgres/server/state';
import { CHOICES, cleanUp, controlData, declaration, folder, place, problemOf } from './support';

afterAll(cleanUp);

it.for(CHOICES)('reads from the control file what pg_controldata says ($name)', async ({ binaries }) => {
  const placed = place(await declaration({ binaries }));
  await bringUp(placed);
  const { dataDirectory } = placed.process;
  const running = readControlFile(dataDirectory);
  expect(running?.isClean).toBe(false);
  if (binaries === CHOICES[0]?.binaries)
    expect(running?.identity).toEqual(controlData(dataDirectory, 'system identifier'));
  await stopServer(placed.process, 'immediate');
  expect(isWhole(dataDirectory)).toBe(false);
  await startAgain(placed);
  await stopServer(placed.process);
  expect(readControlFile(dataDirectory)).toEqual({ identity: running?.identity, isClean: true });
  expect(isWhole(dataDirectory)).toBe(true);
  // A copy that began while the server ran and ended after it was stopped.
  writeFileSync(join(dataDirectory, 'postmaster.pid'), '1\n');
  expect(isWhole(dataDirectory)).toBe(false);
  rmSync(join(dataDirectory, 'postmaster.pid'));
});

it('knows nothing of a control file that is none', () => {
  const data = folder();
  expect(readControlFile(data)).toBeUndefined();
  mkdirSync(join(data, 'global'));
  writeFileSync(join(data, 'global', 'pg_control'), Buffer.alloc(8192, 0xff));
  expect(readControlFile(data)).toBeUndefined();
  writeFileSync(join(data, 'global', 'pg_control'), 'short');
  expect(readControlFile(data)).toBeUndefined();
});

describe('whose a data directory is', () => {
  const stack = (root: string): OwnedDirectory => ({
    dataDirectory: join(root, '.coachdb', 'local', 'data'),
    home: join(root, '.coachdb', 'local'),
    packageRoot: root,
  });

  it('follows the folder when it is moved, not when it is copied', async () => {
    const placed = place(await declaration());
    await bringUp(placed);
    await stopServer(placed.process);
    const { packageRoot: root } = placed.owned;
    expect(ownershipOf(placed.owned)).toEqual({ kind: 'own' });
    const copy = join(folder(), 'copy');
    cpSync(root, copy, { recursive: true, verbatimSymlinks: true });
    expect(ownershipOf(stack(copy))).toEqual({ kind: 'copied', from: placed.owned.home });
    expect((await problemOf(() => requireOwn(stack(copy)))).code).toBe('copy-unused');

    const moved = `${root}-moved`;
    renameSync(root, moved);
    expect(ownershipOf(stack(moved))).toEqual({ kind: 'own' });
    // The copy lies in the original's place, and is none the less one.
    renameSync(copy, root);
    expect(ownershipOf(stack(root))).toMatchObject({ kind: 'copied' });
    rmSync(root, { recursive: true });
    renameSync(moved, root);
  });

  it('is not a copy for another stack of the same checkout, also after it was moved: its data is never to be removed', async () => {
    const placed = place(await declaration());
    await bringUp(placed);
    await stopServer(placed.process);
    const { packageRoot: root, home, dataDirectory } = placed.owned;
    const other = (checkout: string): OwnedDirectory => ({
      dataDirectory: dataDirectory.replace(root, checkout),
      home: join(dirname(home).replace(root, checkout), 'staging'),
      packageRoot: checkout,
    });
    const moved = `${root}-moved`;
    for (const checkout of [root, moved]) {
      if (checkout === moved) renameSync(root, moved);
      mkdirSync(other(checkout).home, { recursive: true });
      const problem = await problemOf(() => requireRunnable(other(checkout)));
      expect(problem).toMatchObject({ code: 'data-directory-owned', kind: 'refused' });
      expect(problem.remedy).toContain('Set coach:server.dataDirectory in Pulumi.staging.yaml to another folder');
      expect(problem.remedy).not.toContain('rm -');
    }
    renameSync(moved, root);
  });

  it('outside the checkout is another one’s wherever it was not made for', async () => {
    const outside = join(folder(), 'data');
    const placed = place(await declaration({ dataDirectory: outside }));
    await bringUp(placed);
    await stopServer(placed.process);
    const other = { ...stack(folder()), dataDirectory: outside };
    mkdirSync(other.home, { recursive: true });
    expect(ownershipOf(other)).toEqual({ kind: 'foreign', from: placed.owned.home });
    const thief = place(await declaration({ dataDirectory: outside }));
    const problem = await problemOf(() => bringUp(thief));
    expect(problem).toMatchObject({ code: 'data-directory-owned', kind: 'refused' });
    expect(problem.message).toContain(placed.owned.home);
    expect(readFileSync(join(outside, OWNER_FILE), 'utf8')).toContain(placed.owned.home);
    // As the remedy says, for a folder that is gone.
    rmSync(join(outside, OWNER_FILE));
    await bringUp(thief);
    expect(ownershipOf(placed.owned)).toMatchObject({ kind: 'foreign' });
    await stopServer(thief.process);
    rmSync(outside, { recursive: true });
  });
});

it('takes no server of another directory for its own, whatever a copied postmaster.pid says', async () => {
  const placed = place(await declaration());
  await bringUp(placed);
  const { dataDirectory } = placed.process;
  const copy = join(folder(), 'data');
  mkdirSync(copy);
  for (const name of ['PG_VERSION', 'postmaster.pid']) cpSync(join(dataDirectory, name), join(copy, name));
  expect(serverState(copy)).toEqual({ status: 'stopped' });
  expect(serverState(dataDirectory)).toMatchObject({ status: 'running', directory: dataDirectory });
});

describe('paths of a state', () => {
  const relative = { dataDirectory: '.coachdb/local/data', logDirectory: '.coachdb/local/logs' };

  it('are relative to the folder, or absolute where a setting put them elsewhere', () => {
    expect(pathsHere('/new', relative)).toEqual({
      dataDirectory: '/new/.coachdb/local/data',
      logDirectory: '/new/.coachdb/local/logs',
      packageRoot: '/new',
    });
    expect(pathsHere('/new', { ...relative, dataDirectory: '/srv/data' }).dataDirectory).toBe('/srv/data');
    expect(pathForState('/new', '/new/.coachdb/local/data')).toBe('.coachdb/local/data');
    expect(pathForState('/new', '/srv/data')).toBe('/srv/data');
  });

  it('of an older one lead to where the folder is now', () => {
    const old = {
      dataDirectory: '/old/.coachdb/local/data',
      logDirectory: '/old/.coachdb/local/logs',
      packageRoot: '/old',
    };
    expect(pathsHere('/new', old)).toEqual(pathsHere('/new', relative));
    expect(pathsHere('/new', { ...old, dataDirectory: '/older/data' }).dataDirectory).toBe('/older/data');
    expect(formerHome(old)).toBe('/old/.coachdb/local');
    expect(formerHome(relative)).toBeUndefined();
  });
});
