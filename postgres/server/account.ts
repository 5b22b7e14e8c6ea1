import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

import { PlatformError } from '../errors';

/** An account of this system. `drop` says that children have to be started as it; otherwise it is the caller's own. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
  drop: boolean;
}

export interface AccountQuery {
  /** The caller's user id; undefined where the system has none. */
  uid: number | undefined;
  /** SUDO_UID of the environment. */
  sudoUid?: string | undefined;
  /** `server.account` of the settings. */
  setting?: string | undefined;
  /** The checkout's folder: its owner is a candidate. */
  root: string;
}

/**
 * Who runs the server. PostgreSQL refuses to run as root, so root drops to the account of the settings, else of whoever ran
 * sudo, else `postgres`, else the checkout's owner, else `nobody`.
 */
export function serverAccount(query: AccountQuery): Account {
  const { uid, setting } = query;
  if (uid === undefined) return { name: 'self', uid: -1, gid: -1, drop: false };
  const accounts = readAccounts();
  if (uid !== 0) {
    const self = accounts.find((account) => account.uid === uid);
    return { name: self?.name ?? String(uid), uid, gid: self?.gid ?? -1, drop: false };
  }
  if (setting !== undefined) {
    const named = accounts.find((account) => account.name === setting);
    if (named !== undefined && named.uid !== 0) return { ...named, drop: true };
    throw new PlatformError(
      'account-unusable',
      `coach:server.account is ${setting}: ${named === undefined ? 'there is no such account' : 'PostgreSQL refuses to run as root'}.`,
      'Name an existing account without privileges, or leave the setting away.',
      { kind: 'usage', object: setting },
    );
  }
  const byUid = (id: number): (typeof accounts)[number] | undefined =>
    accounts.find((account) => account.uid === id && id !== 0);
  const chosen =
    (query.sudoUid === undefined ? undefined : byUid(Number(query.sudoUid))) ??
    accounts.find((account) => account.name === 'postgres') ??
    byUid(statSync(query.root).uid) ??
    accounts.find((account) => account.name === 'nobody');
  if (chosen !== undefined) return { ...chosen, drop: true };
  throw new PlatformError(
    'account-missing',
    'PostgreSQL refuses to run as root, and this system has no account named postgres or nobody to run it.',
    'Make one (`useradd --system coach`) and name it in coach:server.account, or run as an ordinary user.',
  );
}

function readAccounts(): { name: string; uid: number; gid: number }[] {
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

/** The name of a user id, for messages. */
export function accountName(uid: number): string {
  return readAccounts().find((account) => account.uid === uid)?.name ?? `user id ${uid}`;
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
