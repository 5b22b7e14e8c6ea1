import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { PlatformError } from './failure';
import { PROJECT } from './stackFile';

/** As engine/state/retired.ts knows them. */
const RETIRED = '::coach:schema:TableGrants$postgresql:index/grant:Grant::';

/**
 * Throws where the state below `.coachdb` still has grants of an older version as resources. Pulumi alone would delete them at the end of the run
 * and so revoke what the resource `privileges` has granted in it; the command line forgets them first.
 */
export function requireSettledState(root: string, stack: string): void {
  const path = newest(join(root, '.coachdb', 'state', '.pulumi', 'stacks', PROJECT, `${stack}.json`));
  if (path === undefined) return;
  const bytes = readFileSync(path);
  if (!(path.endsWith('.gz') ? gunzipSync(bytes) : bytes).includes(RETIRED)) return;
  throw new PlatformError(
    'state-unsettled',
    `The state ${path} is of an older version of this project: deleting its grants on tables would take the application its rights. Nothing was changed.`,
    'Run `npm run pulumi -- up`, which forgets them first.',
    { kind: 'refused', object: path },
  );
}

/** Of the plain and the compressed one the one changed last counts, as Pulumi decides it. */
function newest(checkpoint: string): string | undefined {
  const found = [checkpoint, `${checkpoint}.gz`].flatMap((path) => {
    const at = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    return at === undefined ? [] : [{ path, at }];
  });
  return found.sort((a, b) => b.at - a.at)[0]?.path;
}
