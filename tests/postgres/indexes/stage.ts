import { Client } from 'pg';
import { afterAll, afterEach, beforeAll } from 'vitest';

import type { IndexSpec } from '../../../postgres/spec';
import { PlatformError } from '../../../system/errors';
import { freshDatabase, type TestDatabase } from '../../support/database';

/** A database in which a role owns the tables that are indexed; each test has tables of its own. */
export interface IndexStage {
  database: TestDatabase;
  /** The superuser's. */
  client: Client;
  owner: string;
  /** Runs the statements as the owner. */
  table: (sql: string) => Promise<void>;
  /** Another session of the superuser, which the caller ends. */
  session: () => Promise<Client>;
}

/** For the file that calls it: made before its tests, emptied after each. */
export function indexStage(prefix: string): IndexStage {
  const stage: Pick<IndexStage, 'table' | 'session'> & Partial<IndexStage> = {
    table: async (sql) => {
      await made().client.query(`SET ROLE ${made().owner}`);
      await made().client.query(sql);
      await made().client.query('RESET ROLE');
    },
    session: async () => {
      const session = new Client({ ...made().database.target, application_name: 'holder' });
      await session.connect();
      return session;
    },
  };
  const made = (): IndexStage => stage as IndexStage;
  const grant = async (): Promise<void> => {
    const { client, database, owner } = made();
    await client.query(`GRANT CREATE ON SCHEMA public TO ${owner}`);
    await client.query(`GRANT CREATE, TEMPORARY ON DATABASE "${database.target.database}" TO ${owner}`);
  };
  beforeAll(async () => {
    const database = await freshDatabase(prefix);
    Object.assign(stage, { database, client: database.client, owner: `${database.target.database}_owner` });
    await database.client.query(`CREATE ROLE ${made().owner}`);
    await grant();
  });
  afterEach(async () => {
    await made().client.query(`DROP OWNED BY ${made().owner} CASCADE`);
    await grant();
  });
  afterAll(async () => {
    const { client, database, owner } = made();
    await client.query(`DROP OWNED BY ${owner} CASCADE; DROP ROLE ${owner}`);
    await database.drop();
  });
  return made();
}

export const STUDENT =
  'CREATE TABLE "Student" (id int PRIMARY KEY, location text, language text, email text, n int NOT NULL)';

export function spec(more: Partial<IndexSpec> = {}): IndexSpec {
  return { name: 'idx_student_location', schema: 'public', table: 'Student', columns: [{ name: 'location' }], ...more };
}

export async function failure(work: Promise<unknown>): Promise<PlatformError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PlatformError)) throw new Error(`expected a PlatformError, got ${String(error)}`);
  return error;
}
