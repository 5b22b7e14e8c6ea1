import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import type { Properties, ResourceProvider } from '../../../../engine/apply/provider';
import { createPostgresqlProvider } from '../../../../engine/apply/providers/postgresql';
import { createRandomProvider } from '../../../../engine/apply/providers/random';
import { quoteIdentifier } from '../../../../postgres/connection/quote';

/** Resources as pulumi-resource-postgresql 3.18.1 and pulumi-resource-random 4.21.2 left them in a checkpoint after a first `up`. */
interface Recorded {
  type: string;
  name: string;
  id: string;
  inputs: Properties;
  outputs: Properties;
}
const recorded = JSON.parse(readFileSync(join(__dirname, 'recorded.json'), 'utf8')) as Recorded[];
const ofPostgresql = recorded.filter(({ type }) => type.startsWith('postgresql:'));
const ofRandom = recorded.filter(({ type }) => type.startsWith('random:'));

/** What the program gave, before check filled in the rest. */
function given({ inputs }: Recorded): Properties {
  const filled = (inputs['__defaults'] ?? []) as string[];
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== '__defaults' && !filled.includes(key)));
}

describe('what Pulumi’s postgresql provider writes', () => {
  let provider: ResourceProvider;
  let admin: Client;
  const named = (type: string): string[] =>
    ofPostgresql.filter((resource) => resource.type.endsWith(type)).map(({ id }) => quoteIdentifier(id));

  beforeAll(async () => {
    const { host, port, user, password } = inject('cluster');
    provider = createPostgresqlProvider({ host, port: String(port), username: user, password, sslmode: 'disable' });
    admin = new Client({ host, port, user, password, database: 'postgres' });
    await admin.connect();
    // Recorded on PostgreSQL 15; which version of an extension is the newest is the server's affair.
    for (const extension of ofPostgresql.filter(
      (one) => one.type.endsWith(':Extension') && !('version' in given(one)),
    )) {
      const { rows } = await admin.query<{ version: string }>(
        'SELECT default_version AS version FROM pg_available_extensions WHERE name = $1',
        [extension.outputs['name']],
      );
      extension.outputs['version'] = rows[0]?.version ?? null;
    }
  });
  afterAll(async () => {
    await provider.close();
    for (const name of named(':Database')) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    for (const name of named(':Role')) await admin.query(`DROP ROLE IF EXISTS ${name}`);
    await admin.end();
  });

  async function makeTables(): Promise<void> {
    const { host, port, user, password } = inject('cluster');
    const client = new Client({ host, port, user, password, database: 'rp_db' });
    await client.connect();
    for (const table of ['User', 'Student', 'CompletedLesson', 'Assessment', 'zeta'])
      await client.query(`CREATE TABLE ${quoteIdentifier(table)} (id int)`);
    await client.end();
  }

  it('is what the stand-in writes: inputs, ids and outputs, of every kind and option', async () => {
    let hasTables = false;
    for (const resource of ofPostgresql) {
      if (resource.type.endsWith(':Grant') && !hasTables) {
        await makeTables();
        hasTables = true;
      }
      const { inputs, failures } = await provider.check(resource.type, undefined, given(resource));
      expect(failures).toEqual([]);
      expect(inputs, resource.name).toEqual(resource.inputs);
      const { id, outputs } = await provider.create(resource.type, inputs);
      expect(id).toBe(resource.id);
      expect(outputs, resource.name).toEqual(resource.outputs);
    }
  });

  it('is read back unchanged, and differs in nothing from what is declared', async () => {
    const delta = { __pulumi_raw_state_delta: { obj: {} } };
    for (const { type, id, name, inputs, outputs } of ofPostgresql) {
      const stored = { ...outputs, ...delta };
      const found = await provider.read(type, id, stored, inputs);
      expect(found, name).toEqual({ id, outputs: stored });
      expect(await provider.diff(type, id, stored, inputs, inputs), name).toEqual({ changed: [], replaces: [] });
    }
  });

  it('may hold empty lists for null, as after a refresh, and is still left as it is', async () => {
    for (const { type, id, name, inputs, outputs } of ofPostgresql) {
      const lists = ['roles', 'searchPaths', 'privileges', 'objects', 'columns'].filter((key) => outputs[key] === null);
      const stored = { ...outputs, ...Object.fromEntries(lists.map((key) => [key, []])) };
      expect((await provider.read(type, id, stored, inputs))?.outputs, name).toBe(stored);
      expect((await provider.diff(type, id, stored, inputs, inputs)).changed, name).toEqual([]);
    }
  });

  it('loses its delta to the raw state when something about it changed: that only fits what it was written with', async () => {
    const role = ofPostgresql.find(({ name }) => name === 'role-min');
    if (role === undefined) throw new Error('There is no such role.');
    await admin.query('GRANT pg_monitor TO rp_min');
    const stored = { ...role.outputs, __pulumi_raw_state_delta: { obj: {} } };
    const found = await provider.read(role.type, role.id, stored, role.inputs);
    expect(found?.outputs).toEqual({ ...role.outputs, roles: ['pg_monitor'] });
  });
});

describe('what Pulumi’s random provider writes', () => {
  const provider = createRandomProvider();

  it('is what the stand-in writes, but for the password itself, its hash and the version they mark', async () => {
    expect(ofRandom.length).toBeGreaterThan(1);
    for (const resource of ofRandom) {
      const { inputs, failures } = await provider.check(resource.type, undefined, given(resource));
      expect(failures).toEqual([]);
      expect(inputs).toEqual(resource.inputs);
      const { id, outputs } = await provider.create(resource.type, inputs);
      const { __meta, bcryptHash, result, ...rest } = resource.outputs;
      expect([typeof __meta, typeof bcryptHash, typeof result]).toEqual(['string', 'string', 'string']);
      expect(outputs).toEqual({ ...rest, result: expect.any(String) as string });
      expect(id).toBe(resource.id);
    }
  });

  it('is kept as it is', async () => {
    for (const { type, id, inputs, outputs } of ofRandom) {
      expect(await provider.read(type, id, outputs, inputs)).toEqual({ id, outputs });
      expect(await provider.diff(type, id, outputs, inputs, inputs)).toEqual({ changed: [], replaces: [] });
    }
  });
});
