import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { withClient } from '../../../postgres/connection/client';
import { type Account, serverAccount } from '../../../postgres/server/account';
import { bringUp } from '../../../postgres/server/bringUp';
import { type LayoutQuery, prepareLayout, recordedLayout, resolveLayout } from '../../../postgres/server/layout';
import { stopServer } from '../../../postgres/server/process';
import { adminTarget, removeData } from '../../../postgres/server/server';
import { serverState } from '../../../postgres/server/state';
import { CHOICES, cleanUp, declaration, folder, isRoot, place, problemOf, project } from './support';

afterAll(cleanUp);

const ROOT_ONLY = 'needs root, which alone runs a server as somebody else';

function query(packageRoot: string, account: Account, dataDirectory?: string): LayoutQuery {
  const home = join(packageRoot, '.coachdb', 'local');
  return {
    dataDirectory: dataDirectory ?? join(home, 'data'),
    logDirectory: join(home, 'logs'),
    packageRoot,
    account,
    systemFolder: join(folder(), 'system'),
  };
}

const self: Account = { name: 'self', uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, switchUser: false };

describe('where a server lies', () => {
  it('is as declared for whoever runs it himself, however closed the folder', () => {
    const root = folder();
    chmodSync(root, 0o700);
    const asked = query(root, self);
    const layout = resolveLayout(asked);
    expect(layout).toEqual({ dataDirectory: asked.dataDirectory, logDirectory: asked.logDirectory, relocated: false });
    prepareLayout(layout, asked);
    prepareLayout(layout, asked);
    expect(statSync(dirname(asked.dataDirectory)).mode & 0o777).toBe(0o711);
  });

  it('is enterable for the account whatever the umask was', (context) => {
    if (!isRoot) return context.skip(ROOT_ONLY);
    const root = folder();
    mkdirSync(join(root, '.coachdb', 'local'), { recursive: true, mode: 0o700 });
    chmodSync(join(root, '.coachdb'), 0o700);
    const account = serverAccount({ uid: 0, root });
    const asked = query(root, account);
    prepareLayout(resolveLayout(asked), asked);
    expect(statSync(join(root, '.coachdb')).mode & 0o777).toBe(0o711);
    expect(statSync(asked.logDirectory).uid).toBe(account.uid);
  });

  it('is a system folder where the account cannot enter the checkout, for good, also after the checkout moved', (context) => {
    if (!isRoot) return context.skip(ROOT_ONLY);
    const closed = folder();
    chmodSync(closed, 0o700);
    const root = project(join(closed, 'clone'));
    const account = serverAccount({ uid: 0, root });
    const asked = query(root, account);
    const layout = resolveLayout(asked);
    expect(layout.relocated).toBe(true);
    expect(layout.dataDirectory).toMatch(new RegExp(`^${asked.systemFolder}/clone-local-[0-9a-f]{8}/data$`));
    expect(resolveLayout({ ...asked, dataDirectory: join(root, '.coachdb', 'other', 'data') })).not.toEqual(layout);
    prepareLayout(layout, asked);
    expect(recordedLayout(asked.dataDirectory)).toEqual(layout);

    const moved = join(folder(), 'clone');
    renameSync(root, moved);
    const after = { ...asked, packageRoot: moved, dataDirectory: join(moved, '.coachdb', 'local', 'data') };
    expect(resolveLayout(after)).toEqual(layout);
  });

  it('is not moved away from where a setting puts it', async (context) => {
    if (!isRoot) return context.skip(ROOT_ONLY);
    const closed = folder();
    chmodSync(closed, 0o700);
    const asked = query(folder(), serverAccount({ uid: 0, root: '/' }), join(closed, 'data'));
    const error = await problemOf(() => resolveLayout(asked));
    expect(error.code).toBe('data-directory-unreachable');
    expect(error.message).toContain(closed);
    expect(error.remedy).toContain('chmod o+x');
  });
});

it.for(CHOICES)('a server of a checkout that only root may enter runs ($name)', async ({ binaries }, context) => {
  if (!isRoot) return context.skip(ROOT_ONLY);
  const closed = folder();
  chmodSync(closed, 0o700);
  const systemFolder = join(folder(), 'system');
  const declared = await declaration({ packageRoot: project(join(closed, 'clone')), binaries });
  const placed = place(declared, systemFolder);
  await bringUp(placed);
  expect(placed.process.dataDirectory.startsWith(systemFolder)).toBe(true);
  expect(serverState(placed.process.dataDirectory).status).toBe('running');
  await withClient(adminTarget(declared), (client) => client.query('CREATE TABLE public.kept ()'));
  await stopServer(placed.process);

  // Opened since: the data stays where it is.
  chmodSync(closed, 0o755);
  const again = place(declared, systemFolder);
  await bringUp(again);
  expect(again.process.dataDirectory).toBe(placed.process.dataDirectory);
  await withClient(adminTarget(declared), (client) => client.query('SELECT FROM public.kept'));

  await removeData(again.layout, declared.dataDirectory, again.owned);
  expect(existsSync(dirname(again.process.dataDirectory))).toBe(false);
  expect(readdirSync(dirname(declared.dataDirectory))).toEqual([]);
});
