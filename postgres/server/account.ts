import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { PlatformError } from '../../system/errors';
import { ask } from './ask';

/** An account of this system. `switchUser` says that children have to be started as it; otherwise it is the caller's own. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  switchUser: boolean;
}

export interface AccountQuery {
  /** The caller's user id; undefined where the system has none. */
  uid: number | undefined;
  /** SUDO_UID of the environment. */
  sudoUid?: string | undefined;
  /** `server.account` of the settings. */
  setting?: string | undefined;
  /** Owner of an existing data directory: whoever ran the server before goes on running it. */
  dataOwnerUid?: number | undefined;
  /** The checkout's folder: its owner is a candidate. */
  root: string;
}

/**
 * Who runs the server: an ordinary user himself. PostgreSQL refuses to run as root, so root drops to the account of the settings,
 * else the one that owns the data already, else whoever ran sudo, else `postgres`, else the checkout's owner, else `nobody`.
 */
export function serverAccount(query: AccountQuery): Account {
  const { uid, setting } = query;
  if (uid === undefined) return { name: 'self', uid: -1, gid: -1, switchUser: false };
  if (uid !== 0) {
    const self = accountByUid(uid);
    return { name: accountName(uid), uid, gid: self?.gid ?? -1, switchUser: false };
  }
  if (setting !== undefined) {
    const named = accountByName(setting);
    if (named !== undefined && named.uid !== 0) return { ...named, switchUser: true };
    throw new PlatformError(
      'account-unusable',
      `coach:server.account is ${setting}: ${named === undefined ? 'there is no such account' : 'PostgreSQL refuses to run as root'}.`,
      'Name an existing account without privileges, or leave the setting away.',
      { kind: 'usage', object: setting },
    );
  }
  const sudo = Number(query.sudoUid ?? '0');
  const chosen =
    ordinary(query.dataOwnerUid) ??
    ordinary(sudo) ??
    accountByName('postgres') ??
    ordinary(ownerOf(query.root)) ??
    accountByName('nobody');
  if (chosen !== undefined && chosen.uid !== 0) return { ...chosen, switchUser: true };
  throw new PlatformError(
    'account-missing',
    'PostgreSQL refuses to run as root, and this system has no account named postgres or nobody to run it.',
    'Make one (`useradd --system coach`) and name it in coach:server.account, or run as an ordinary user.',
  );
}

type SystemAccount = Omit<Account, 'switchUser'>;

function ordinary(uid: number | undefined): SystemAccount | undefined {
  return uid === undefined || !Number.isInteger(uid) || uid <= 0 ? undefined : accountByUid(uid);
}

function accountByName(name: string): SystemAccount | undefined {
  return localAccounts().find((account) => account.name === name) ?? askSystem(name);
}

function accountByUid(uid: number): SystemAccount | undefined {
  return localAccounts().find((account) => account.uid === uid) ?? askSystem(String(uid));
}

function localAccounts(): SystemAccount[] {
  let text: string;
  try {
    text = readFileSync('/etc/passwd', 'utf8');
  } catch {
    return [];
  }
  return text.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    return name === undefined || uid === undefined ? [] : [{ name, uid: Number(uid), gid: Number(gid) }];
  });
}

/** Accounts of a directory service, and all of macOS's, are not in /etc/passwd. */
function askSystem(nameOrUid: string): SystemAccount | undefined {
  const uid = ask('id', ['-u', '--', nameOrUid]);
  if (uid === undefined) return undefined;
  return {
    name: ask('id', ['-un', '--', nameOrUid]) ?? nameOrUid,
    uid: Number(uid),
    gid: Number(ask('id', ['-g', '--', nameOrUid])),
  };
}

/** The name of a user id, for messages. */
export function accountName(uid: number): string {
  return accountByUid(uid)?.name ?? `user id ${uid}`;
}

/** Whether the account may enter every folder on the way to `path` (by mode bits; access lists are not looked at). */
export function canReach(account: Account, path: string): boolean {
  for (let folder = path; ; folder = dirname(folder)) {
    try {
      const { uid, gid, mode } = statSync(folder);
      const bits = uid === account.uid ? mode >> 6 : gid === account.gid ? mode >> 3 : mode;
      if ((bits & 1) === 0) return false;
    } catch {
      // What does not exist yet will be made enterable.
    }
    if (dirname(folder) === folder) return true;
  }
}

/** The owner's user id, or undefined where there is no such file. */
export function ownerOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.uid;
}
