import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { SentMigrations, SentSpec } from '../../postgres/apply/request';
import { rdsTarget, rdsTls } from '../../postgres/connection/rdsLogin';
import { unpackMigrations } from '../../postgres/migrations/archive';
import type { ConnectionTarget, DatabaseSpec } from '../../postgres/spec';
import { readAdministrator, readArchive } from './aws';
import type { Surroundings } from './environment';
import type { Log } from './log';
import { endpoints, type Reached, requireReached, tryAll } from './reach';

/** What an action has to work with. */
export class Work {
  constructor(
    readonly place: Surroundings,
    readonly log: Log,
    /** Milliseconds since 1970 by which it has answered. */
    readonly deadline: number,
  ) {}

  reach(): Promise<Reached[]> {
    return tryAll(endpoints(this.place));
  }

  async requireReach(): Promise<void> {
    requireReached(endpoints(this.place), await this.reach());
  }

  /** The administrator; the password is read anew for each connection. */
  async master(): Promise<ConnectionTarget> {
    const { host, port, database, caFile } = this.place;
    const read = async (): Promise<{ user: string; password: string }> => {
      const administrator = await readAdministrator(this.place);
      this.log.conceal(administrator.password);
      return administrator;
    };
    const { user } = await read();
    return { host, port, database, user, token: async () => (await read()).password, ...rdsTls(caFile) };
  }

  /** Whoever migrates, by an IAM token, straight to the instance. */
  migrator({ migrations: { login: user } }: SentSpec): ConnectionTarget {
    const { host, port, database, region, caFile } = this.place;
    return rdsTarget({ host, port, database, user, region, caFile });
  }

  /** The spec as `postgres/` knows it, with the migrations in a folder of this run's own. */
  async withMigrations<T>(spec: SentSpec, sent: SentMigrations, work: (spec: DatabaseSpec) => Promise<T>): Promise<T> {
    const text = await readArchive(this.place, sent);
    // The only place that can be written.
    const directory = mkdtempSync(join(tmpdir(), 'migrations-'));
    try {
      unpackMigrations(text, directory);
      return await work({ ...spec, parameters: {}, migrations: { ...spec.migrations, directory } });
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}
