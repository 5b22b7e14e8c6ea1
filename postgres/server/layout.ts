import { createHash } from 'node:crypto';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { type Account, canReach } from './account';
import { type Binaries, linkLibraries } from './binaries';

/** Where root keeps what the server's account cannot reach below the checkout. */
export const SYSTEM_FOLDER = '/var/lib/coachdb';

export interface Layout {
  dataDirectory: string;
  logDirectory: string;
  binaries: Binaries;
  /** True: below SYSTEM_FOLDER, since the account cannot enter the checkout. */
  relocated: boolean;
}

/** Where data and logs lie for this account: as asked, or in the system folder, one for each checkout and stack. */
export function resolveLayout(asked: Omit<Layout, 'relocated'>, account: Account): Layout {
  if (!account.drop || canReach(account, dirname(asked.dataDirectory))) return { ...asked, relocated: false };
  const place = dirname(asked.dataDirectory);
  const hash = createHash('sha256').update(place).digest('hex').slice(0, 8);
  const folder = join(SYSTEM_FOLDER, `${basename(dirname(dirname(place)))}-${basename(place)}-${hash}`);
  return {
    dataDirectory: join(folder, 'data'),
    logDirectory: join(folder, 'logs'),
    binaries: asked.binaries,
    relocated: true,
  };
}

/** Makes the folders, and copies npm's binaries to where the account can run them. Repeating it changes nothing. */
export function prepareLayout(layout: Layout, account: Account): Layout {
  const home = dirname(layout.dataDirectory);
  mkdirSync(home, { recursive: true, mode: 0o755 });
  if (layout.relocated) chmodSync(SYSTEM_FOLDER, 0o711);
  for (const folder of [layout.logDirectory]) {
    mkdirSync(folder, { recursive: true, mode: 0o750 });
    if (account.drop) chownSync(folder, account.uid, account.gid);
  }
  // The data directory is made by renaming, which takes a folder the account may write to.
  if (account.drop && statSync(home).uid !== account.uid && layout.relocated) chownSync(home, account.uid, account.gid);
  return { ...layout, binaries: reachableBinaries(layout.binaries, account) };
}

function reachableBinaries(binaries: Binaries, account: Account): Binaries {
  if (!account.drop || canReach(account, binaries.directory)) return binaries;
  const copy = join(SYSTEM_FOLDER, 'binaries', binaries.version);
  if (!existsSync(copy)) {
    mkdirSync(dirname(copy), { recursive: true, mode: 0o755 });
    chmodSync(SYSTEM_FOLDER, 0o711);
    const temporary = `${copy}.${process.pid}`;
    const source = dirname(dirname(binaries.directory));
    cpSync(join(source, 'native'), join(temporary, 'native'), {
      recursive: true,
      verbatimSymlinks: false,
      dereference: true,
    });
    linkLibraries(temporary);
    try {
      renameSync(temporary, copy);
    } catch (error) {
      rmSync(temporary, { recursive: true, force: true });
      if (!existsSync(copy)) throw error;
    }
  }
  return { ...binaries, directory: join(copy, 'native', 'bin') };
}
