import { chmodSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { accountName, canReach, serverAccount } from '../../../postgres/server/account';
import { cleanUp, folder, isRoot, problemOf } from './support';

afterAll(cleanUp);

const passwd = readFileSync('/etc/passwd', 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(':'))
  .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
const known = passwd.filter(({ uid }) => uid > 0);
const [first, second] = known;
const postgres = known.find(({ name }) => name === 'postgres');
const nobody = known.find(({ name }) => name === 'nobody');

describe('the account that runs the server', () => {
  it('is the caller himself, whoever he is, unless that is root', () => {
    const { uid, gid, name } = first!;
    expect(serverAccount({ uid, root: '/', setting: 'somebody' })).toEqual({ name, uid, gid, switchUser: false });
    expect(serverAccount({ uid: 54321, root: '/' })).toMatchObject({ name: 'user id 54321', switchUser: false });
  });

  it('is, for root, the setting, else the owner of the data, else who ran sudo, else postgres or nobody', () => {
    const all = { uid: 0, root: '/', setting: first!.name, dataOwnerUid: second!.uid, sudoUid: String(known[2]!.uid) };
    expect(serverAccount(all)).toEqual({ ...first, switchUser: true });
    expect(serverAccount({ ...all, setting: undefined }).uid).toBe(second!.uid);
    expect(serverAccount({ ...all, setting: undefined, dataOwnerUid: 0 }).uid).toBe(known[2]!.uid);
    const last = serverAccount({ uid: 0, root: '/', sudoUid: '0' });
    expect(last).toEqual({ ...(postgres ?? nobody), switchUser: true });
  });

  it('is never root and never an account that does not exist', async () => {
    for (const setting of ['root', 'no-such-account']) {
      const error = await problemOf(() => serverAccount({ uid: 0, root: '/', setting }));
      expect(error.code).toBe('account-unusable');
      expect(error.message).toContain(setting);
    }
    expect(accountName(0)).toBe('root');
  });
});

describe('reaching a folder', () => {
  it.skipIf(!isRoot)('needs the right to enter each folder above it (as root: other users’ folders)', () => {
    const base = folder();
    const inner = join(base, 'closed', 'inner');
    mkdirSync(inner, { recursive: true });
    const account = { ...serverAccount({ uid: 0, root: '/' }) };
    expect(canReach(account, inner)).toBe(true);
    chmodSync(join(base, 'closed'), 0o700);
    expect(canReach(account, inner)).toBe(false);
    chmodSync(join(base, 'closed'), 0o711);
    expect(canReach(account, join(inner, 'not', 'yet'))).toBe(true);
  });
});
