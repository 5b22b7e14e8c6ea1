import { statSync } from 'node:fs';
import { join } from 'node:path';

import { codeOf, PlatformError } from '../../system/errors';
import { readControlFile } from './control';
import { type OwnedDirectory, requireNotForeign } from './ownership';

/** A server that a state knows of, and what it knows. */
export interface KnownServer {
  dataDirectory: string;
  /** PostgreSQL's system identifier; undefined in states from before it was kept. */
  identity?: string | undefined;
}

/** Why the server of the state is not in its data directory any more; undefined: it is. */
export function lossOf({ dataDirectory, identity }: KnownServer): PlatformError | undefined {
  if (isGone(join(dataDirectory, 'PG_VERSION'))) {
    return new PlatformError(
      'data-directory-lost',
      `The data directory ${dataDirectory} is gone, and the stack’s state knows a server and a database in it.`,
      `Bring it back to its place (is a disk not mounted?). To begin with a new, empty database instead: ${ANEW}. Nothing was touched.`,
      { kind: 'refused', object: dataDirectory },
    );
  }
  const found = readControlFile(dataDirectory)?.identity;
  if (identity === undefined || identity === '' || found === undefined || found === identity) return undefined;
  return new PlatformError(
    'server-exchanged',
    `${dataDirectory} holds another server than the stack’s state knows: its system identifier is ${found}, expected ${identity}.`,
    `Bring the former directory back to its place. To go on with the server that is there now: ${ANEW}. Nothing was touched.`,
    { kind: 'refused', object: dataDirectory },
  );
}

const ANEW = '`npm start -- --yes`';

/** Throws why the server of the state is not there. */
export function requireKnown(server: KnownServer): void {
  const loss = lossOf(server);
  if (loss !== undefined) throw loss;
}

/** Throws where another server's data lies in its place. What is not there any more is no reason to keep the rest. */
export function requireRemovable(server: KnownServer, owned: OwnedDirectory): void {
  const loss = lossOf(server);
  if (loss !== undefined && loss.code !== 'data-directory-lost') throw loss;
  requireNotForeign(owned);
}

/** Where this account may not look, nothing is known to be missing. */
function isGone(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
  }
}
