import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { availableExtensions } from '../../../postgres/extensions/available';
import { dropExtension, ensureExtension, planExtension, readExtension } from '../../../postgres/extensions/extension';
import { notPreloaded } from '../../../postgres/extensions/preload';
import { requirementsOf } from '../../../postgres/extensions/requires';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { failureOf } from '../roles/support';

describe('extensions', () => {
  let base: TestDatabase;
  let client: Client;
  beforeAll(async () => {
    base = await freshDatabase('extensions');
    ({ client } = base);
    await client.query('CREATE SCHEMA "my ""tools"""');
  });
  afterAll(() => base.drop());

  it('are installed in the declared schema and version, moved, updated, dropped', async () => {
    const versions = [...((await availableExtensions(client)).get('pg_trgm') ?? [])];
    const [older = '', newest = ''] = [versions.at(-2), versions.at(-1)];
    await ensureExtension(client, { name: 'pg_trgm', version: older, schema: 'my "tools"' });
    expect(await readExtension(client, 'pg_trgm')).toEqual({ name: 'pg_trgm', version: older, schema: 'my "tools"' });
    const wanted = { name: 'pg_trgm', version: newest, schema: 'public' };
    await ensureExtension(client, wanted);
    expect(await readExtension(client, 'pg_trgm')).toEqual(wanted);
    expect(planExtension(wanted, wanted)).toEqual([]);
    expect(planExtension({ name: 'pg_trgm' }, wanted)).toEqual([]);
    await dropExtension(client, 'pg_trgm', false);
    await dropExtension(client, 'pg_trgm', false);
    expect(await readExtension(client, 'pg_trgm')).toBeUndefined();
  });

  it('with a name to be quoted are installed, and bring what they need when asked', async () => {
    await ensureExtension(client, { name: 'uuid-ossp' });
    expect(await client.query('SELECT uuid_generate_v4()')).toMatchObject({ rowCount: 1 });
    await ensureExtension(client, { name: 'earthdistance' }, true);
    expect((await readExtension(client, 'cube'))?.name).toBe('cube');
  });

  it('without what they require say what it is', async () => {
    await dropExtension(client, 'earthdistance', false);
    await dropExtension(client, 'cube', false);
    const failure = await failureOf(ensureExtension(client, { name: 'earthdistance' }));
    expect([failure.code, failure.message]).toEqual(['extension-requires', expect.stringContaining('requires cube')]);
    expect(failure.remedy).toContain('Name cube before earthdistance in coach:extensions');
  });

  it('require what this project knows they require', async () => {
    const { rows } = await client.query<{ name: string; requires: string[] }>(
      `SELECT DISTINCT name::text, requires::text[] FROM pg_available_extension_versions JOIN pg_available_extensions USING (name)
       WHERE version = default_version AND requires IS NOT NULL`,
    );
    expect(rows.length).toBeGreaterThan(0);
    for (const { name, requires } of rows)
      expect([name, [...requirementsOf(name)].sort()]).toEqual([
        name,
        requires.filter((one) => one !== 'plpgsql').sort(),
      ]);
  });

  it('that the server has not are named, with the one that was meant', async () => {
    const typo = await failureOf(ensureExtension(client, { name: 'pg_trmg' }));
    expect([typo.code, typo.object]).toEqual(['extension-unavailable', 'pg_trmg']);
    expect(typo.message).toContain('did you mean pg_trgm?');
    expect(typo.remedy).toContain('btree_gin');
    const hostile = await failureOf(ensureExtension(client, { name: 'x"; DROP TABLE y; --' }));
    expect(hostile.code).toBe('extension-unavailable');
    expect(hostile.remedy).toContain('take it out of coach:extensions');
  });

  it('in a version the server has not say which there are', async () => {
    const failure = await failureOf(ensureExtension(client, { name: 'btree_gin', version: '99' }));
    expect([failure.code, failure.remedy]).toEqual(['extension-version', expect.stringContaining('1.3')]);
    await ensureExtension(client, { name: 'btree_gin' });
    expect((await failureOf(ensureExtension(client, { name: 'btree_gin', version: '99' }))).code).toBe(
      'extension-version',
    );
  });

  it('in a schema that does not exist, or in use, say so', async () => {
    expect((await failureOf(ensureExtension(client, { name: 'citext', schema: 'nowhere' }))).code).toBe(
      'schema-missing',
    );
    await ensureExtension(client, { name: 'citext' });
    await client.query('CREATE TABLE names (name citext)');
    const failure = await failureOf(dropExtension(client, 'citext', false));
    expect([failure.code, failure.message]).toEqual(['extension-in-use', expect.stringContaining('names')]);
    await dropExtension(client, 'citext', true);
  });
});

it.each([
  'citus',
  'pg_cron',
  'pg_qualstats',
  'pg_squeeze',
  'pg_stat_kcache',
  'pg_stat_statements',
  'pg_wait_sampling',
  'pgaudit',
  'timescaledb',
])('%s needs its library preloaded', (name) => {
  expect(notPreloaded([name, 'pg_trgm'], 'auto_explain')).toEqual([name]);
  expect(notPreloaded([name, 'pg_trgm'], `auto_explain, "$libdir/${name}"`)).toEqual([]);
});
