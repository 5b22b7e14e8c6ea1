import { existsSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { isAbsolute } from 'node:path';

import type { Binaries } from '../../../postgres/server/binaries';
import { checkDataDirectory, isDataDirectory } from '../../../postgres/server/dataDirectory';
import { requireKnown } from '../../../postgres/server/lost';
import { requireRunnable } from '../../../postgres/server/ownership';
import { requireFreePort } from '../../../postgres/server/port';
import type { PlacedServer } from '../../../postgres/server/server';
import { serverState } from '../../../postgres/server/state';
import { speak } from '../../../postgres/spoken';
import { NEWEST_MAJOR, OLDEST_MAJOR } from '../../../postgres/tuning/parameter';
import { validateParameters } from '../../../postgres/tuning/validate';
import { errorText, PlatformError } from '../../../system/errors';
import type { CheckFailure } from '../handler';
import type { ServerInputs } from '../server';
import { failureOf } from './failure';

const LOOPBACK = '127.0.0.1';

/** Everything wrong with the inputs themselves, whatever this machine is like. */
export function checkInputs(news: ServerInputs): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const expect = (property: keyof ServerInputs, good: boolean, expected: string): void => {
    if (!good)
      failures.push({ property, reason: `${JSON.stringify(news[property]) ?? 'nothing'}: expected ${expected}.` });
  };
  for (const property of ['dataDirectory', 'logDirectory'] as const) {
    expect(property, typeof news[property] === 'string' && news[property] !== '', 'a path');
  }
  const { binaries, port, adminUser, adminPassword, parameters } = news;
  const choices = ['auto', 'installed', 'embedded'];
  expect(
    'binaries',
    typeof binaries === 'string' && (choices.includes(binaries) || isAbsolute(binaries)),
    `${choices.join(', ')} or an absolute folder with initdb and postgres in it`,
  );
  expect('host', news.host === LOOPBACK, `${LOOPBACK}: the local server listens on loopback only`);
  expect('port', Number.isInteger(port) && port > 0 && port < 65_536, 'a port from 1 to 65535');
  expect(
    'adminUser',
    typeof adminUser === 'string' && /^(?!pg_)[^"$'\\\0\n\r]{1,63}$/.test(adminUser),
    'a role name without " $ \' and \\, which initdb refuses, and not beginning with pg_, which PostgreSQL keeps for itself',
  );
  if (typeof adminPassword !== 'string' || adminPassword === '' || /[\0\n\r]/.test(adminPassword)) {
    failures.push({ property: 'adminPassword', reason: 'Expected a password of one line, not empty.' });
  }
  expect('parameters', typeof parameters === 'object' && parameters !== null, 'parameters by name');
  return failures;
}

export function checkParameters({ parameters }: ServerInputs, major: number | undefined): CheckFailure[] {
  const machine = { memoryBytes: totalmem(), cpus: cpus().length };
  const problems = validateParameters(parameters, machine, major === undefined ? {} : { major });
  return problems.map(({ code, message, remedy, object }) =>
    failure(`parameters.${object ?? ''}`, code, message, remedy),
  );
}

/** Says that this project does not know the server's major, and what that means. */
export function warnOfNewerMajor({ major, version, directory }: Binaries): void {
  if (major <= NEWEST_MAJOR) return;
  speak(
    'warning',
    `PostgreSQL ${version} (${directory}) is newer than those this project knows (${OLDEST_MAJOR} to ${NEWEST_MAJOR}): each parameter is taken ` +
      `as in PostgreSQL ${NEWEST_MAJOR}, and the server has the last word. To choose another, set coach:server.binaries.`,
  );
}

/** What would become another server: refused, with the way to get there. */
export function checkIdentity(olds: Partial<ServerInputs> | undefined, news: ServerInputs): CheckFailure[] {
  const failures: CheckFailure[] = [];
  const before = olds?.dataDirectory;
  const after = news.dataDirectory;
  if (before !== undefined && before !== after && !wasMoved(before, after)) {
    failures.push(
      failure(
        'dataDirectory',
        'data-directory-changed',
        `The data directory would change from ${before} to ${after}, where no server is: that would be a new, empty one.`,
        `To move the data: \`npm run coachdb -- destroy\` (it stops the server and keeps the data), \`mv ${before} ${after}\`, then ` +
          '`npm start`. Otherwise take the change back.',
      ),
    );
  }
  if (olds?.adminUser !== undefined && olds.adminUser !== news.adminUser) {
    failures.push(
      failure(
        'adminUser',
        'admin-user-changed',
        `The administrator would change from ${olds.adminUser} to ${news.adminUser}, but the data directory was made with ${olds.adminUser}.`,
        'Take the change back.',
      ),
    );
  }
  return failures;
}

/** The data went along, as with a checkout that was moved. */
export function wasMoved(before: string, after: string): boolean {
  return !existsSync(before) && isDataDirectory(after);
}

/** What only this machine tells: data directory, its owner and version, the port. */
export async function checkMachine(
  { process: server, declaration, owned }: PlacedServer,
  olds: Partial<ServerInputs> | undefined,
): Promise<CheckFailure[]> {
  const { dataDirectory, binaries, account } = server;
  const directory = await failureOf('dataDirectory', () => {
    // A state that knows a server, and none where it says: making a new, empty one is never what was meant.
    if (olds?.dataDirectory === declaration.dataDirectory) requireKnown({ dataDirectory });
    requireRunnable(owned);
    checkDataDirectory(dataDirectory, binaries, account);
  });
  const state = serverState(dataDirectory);
  const has = 'pid' in state && (state.port === declaration.port || state.port === 0);
  const port = has ? [] : await failureOf('port', () => requireFreePort(declaration.port));
  return [...directory, ...port];
}

function failure(property: string, code: string, message: string, remedy: string): CheckFailure {
  return { property, reason: errorText(new PlatformError(code, message, remedy, { kind: 'usage' })) };
}
