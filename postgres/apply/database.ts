import { PlatformError } from '../../system/errors';
import { withClient } from '../connection/client';
import { ensureDatabase } from '../roles/applyDatabase';
import { NEW_DATABASE, readDatabase, sameSpelling } from '../roles/database';
import type { ConnectionTarget, DatabaseSpec } from '../spec';
import { requirePowers } from './master';
import type { Run } from './run';

/** Every server has it, and RDS makes it with the instance. */
const MAINTENANCE = 'postgres';

/** The database, owned by the administrator. One that is there, as RDS makes it with the instance, keeps its locale. */
export async function bringUpDatabase(run: Run, master: ConnectionTarget, { name }: DatabaseSpec): Promise<void> {
  const declared = { name, owner: master.user, connectionLimit: -1, allowConnections: true };
  await run.step('database', name, async () => {
    try {
      return await withClient(master, async (client) => {
        await requirePowers(client, name);
        const actual = await readDatabase(client, name);
        if (actual !== undefined && !sameSpelling(actual.lcCollate, NEW_DATABASE.lcCollate))
          run.warnings.push(otherLocale(name, actual.lcCollate));
        return ensureDatabase(client, { ...declared, encoding: NEW_DATABASE.encoding });
      });
    } catch (error) {
      if (!(error instanceof PlatformError && error.code === 'database-missing')) throw error;
    }
    return withClient({ ...master, database: MAINTENANCE }, async (client) => {
      await requirePowers(client, name);
      return ensureDatabase(client, { ...declared, ...NEW_DATABASE });
    });
  });
}

const otherLocale = (
  name: string,
  locale: string,
): { code: string; message: string; remedy: string; object: string } => ({
  code: 'database-locale',
  message: `Database ${name} sorts text by ${locale}; one that is made here sorts by ${NEW_DATABASE.lcCollate}, whatever library the server has.`,
  remedy:
    'Nothing has to be done; an upgrade of the server’s C library then wants its text indexes built anew. For the other locale let this make the ' +
    'database: give the instance none of that name.',
  object: name,
});
