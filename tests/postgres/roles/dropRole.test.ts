import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { dropRole } from '../../../postgres/roles/dropRole';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf, TestRoles } from './support';

const roles = new TestRoles();

describe('dropping a role', () => {
  let base: TestDatabase;
  let other: TestDatabase;
  const connections = new Map<string, Client>();
  const connect = async (database: string): Promise<Client> => {
    const client = connections.get(database) ?? new Client({ ...base.target, database });
    if (!connections.has(database)) await client.connect();
    connections.set(database, client);
    return client;
  };

  beforeAll(async () => {
    base = await freshDatabase('drop');
    other = await freshDatabase('drop');
  });
  afterAll(async () => {
    await Promise.all([...connections.values()].map((client) => client.end()));
    const { rows } = await other.client.query<{ name: string }>(
      'SELECT rolname AS name FROM pg_roles WHERE position($1 in rolname) > 0',
      [roles.suffix],
    );
    for (const { name } of rows) await other.client.query(`DROP OWNED BY "${name}"`);
    await roles.drop(base.client);
    await base.drop();
    await other.drop();
  });

  it('takes its memberships along, and one that is gone is fine', async () => {
    const name = await roles.make(base.client, 'free', 'IN ROLE pg_monitor');
    await dropRole(base.client, name, connect);
    await dropRole(base.client, name, connect);
    const { rows } = await base.client.query('SELECT FROM pg_roles WHERE rolname = $1', [name]);
    expect(rows).toEqual([]);
  });

  it('names what it owns and holds in every database, and leaves all of it alone', async () => {
    const name = await roles.make(base.client, 'busy');
    await base.client.query(`CREATE TABLE "Lesson ""one""" (id int); ALTER TABLE "Lesson ""one""" OWNER TO ${name}`);
    await other.client.query(`CREATE TABLE audited (id int); GRANT SELECT ON audited TO ${name}`);
    await base.client.query(`GRANT CONNECT ON DATABASE ${other.target.database} TO ${name}`);
    const failure = await failureOf(dropRole(base.client, name, connect));
    expect(failure.code).toBe('role-in-use');
    expect(failure.message).toContain(`in database ${base.target.database}: table "Lesson ""one""" (owner)`);
    expect(failure.message).toContain(`in database ${other.target.database}: table audited (privileges)`);
    expect(failure.message).toContain(`on the server: database ${other.target.database} (privileges)`);
    expect(failure.remedy).toContain(`REASSIGN OWNED BY "${name}"`);
    expect(failure.remedy).toContain(other.target.database);
    const { rows } = await base.client.query(`SELECT tableowner FROM pg_tables WHERE tablename = 'Lesson "one"'`);
    expect(rows).toEqual([{ tableowner: name }]);
  });

  it('counts what it does not name', async () => {
    const name = await roles.make(base.client, 'many');
    for (let table = 0; table < 13; table += 1)
      await base.client.query(`CREATE TABLE many_${table} (id int); ALTER TABLE many_${table} OWNER TO ${name}`);
    expect((await failureOf(dropRole(base.client, name, connect))).message).toContain('and 3 more');
  });
});
