import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { parseExact } from '../../../postgres/audit/reading/exactJson';
import { type AuditedDatabase, auditedDatabase } from './support';

/** One column of each, and a value whose text would differ under the settings of another session. */
const TYPES: [type: string, value: string, recorded: unknown][] = [
  ['smallint', '-5', -5],
  ['integer', '7', 7],
  ['bigint', '9007199254740993', '9007199254740993'],
  ['numeric(30,10)', '12345678901234567890.1234567890', '12345678901234567890.1234567890'],
  ['real', '0.1', 0.1],
  ['double precision', '0.30000000000000004', 0.30000000000000004],
  ['double precision', `'NaN'`, 'NaN'],
  ['double precision', `'-Infinity'`, '-Infinity'],
  ['double precision[]', `'{0.1,0.30000000000000004}'`, [0.1, 0.30000000000000004]],
  ['boolean', 'true', true],
  ['text', `E'tab\\t quote" \\\\ back ñ 🙂'`, 'tab\t quote" \\ back ñ 🙂'],
  ['varchar(5)', `'ab'`, 'ab'],
  ['char(4)', `'ab'`, 'ab  '],
  ['bytea', `'\\x00ff'`, '\\x00ff'],
  ['date', `'2026-02-28'`, '2026-02-28'],
  ['time', `'23:59:59.999999'`, '23:59:59.999999'],
  ['timestamp(3)', `'2026-02-28 01:02:03.456'`, '2026-02-28T01:02:03.456'],
  ['timestamptz', `'2026-02-28 01:02:03.456789+00'`, '2026-02-28T01:02:03.456789+00:00'],
  ['timestamptz', `'infinity'`, 'infinity'],
  ['interval', `'1 year 2 mons -3 days 04:05:06'`, '1 year 2 mons -3 days +04:05:06'],
  ['uuid', `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  ['json', `'{"b": 1, "a": [1, null]}'`, { b: 1, a: [1, null] }],
  ['jsonb', `'{"a": {"deep": [true]}}'`, { a: { deep: [true] } }],
  ['jsonb', `'null'`, null],
  ['integer[]', `'{1,NULL,3}'`, [1, null, 3]],
  ['text[]', `ARRAY['a,b', '"q"']`, ['a,b', '"q"']],
  ['inet', `'10.0.0.1/8'`, '10.0.0.1/8'],
  ['cidr', `'10.0.0.0/8'`, '10.0.0.0/8'],
  ['macaddr', `'08:00:2b:01:02:03'`, '08:00:2b:01:02:03'],
  ['bit(3)', `B'101'`, '101'],
  ['point', `'(0.1,0.30000000000000004)'`, '(0.1,0.30000000000000004)'],
  ['money', `'1234.5'`, '$1,234.50'],
  ['int4range', `'[1,5)'`, '[1,5)'],
  ['daterange', `'[2026-01-02,2026-02-03)'`, '[2026-01-02,2026-02-03)'],
  ['tsrange', `'[2026-01-02 03:04,)'`, '["2026-01-02 03:04:00",)'],
  ['tsvector', `'a b'::tsvector`, `'a' 'b'`],
  ['mood', `'happy'`, 'happy'],
  ['score', '0.1', 0.1],
  ['place', `ROW('Calle', 0.1)::public.place`, { street: 'Calle', weight: 0.1 }],
  ['text', 'NULL', null],
];

const SQL = `
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN score AS double precision CHECK (VALUE >= 0);
CREATE TYPE place AS (street text, weight real);
CREATE TABLE everything (id int PRIMARY KEY, ${TYPES.map(([type], index) => `c${index} ${type}`).join(', ')});`;

const HOSTILE = `SET extra_float_digits = -15; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'sql_standard'; SET bytea_output = 'escape';
  SET TimeZone = 'UTC'; SET standard_conforming_strings = off; SET array_nulls = off; SET transform_null_equals = on; SET search_path = pg_catalog`;

describe('every type', () => {
  let database: AuditedDatabase;
  beforeAll(async () => {
    database = await auditedDatabase('audit_types', SQL, { tables: [{ schema: 'public', table: 'everything' }] });
    await database.up();
  });
  afterAll(() => database.drop());

  it.each(['plain', 'hostile'])('is recorded exactly in a session with %s settings', async (session) => {
    const { admin } = database;
    const client = await database.as('app');
    const values = TYPES.map(([, value]) => value).join(', ');
    await admin.query('DELETE FROM everything');
    await database.recorded();
    await admin.query(`CREATE OR REPLACE FUNCTION put() RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO public.everything SELECT 1, ${values}; END;
      CREATE OR REPLACE FUNCTION change() RETURNS void LANGUAGE sql BEGIN ATOMIC UPDATE public.everything SET id = 2; END`);
    if (session === 'hostile') await client.query(HOSTILE);
    await client.query('SELECT public.put(); SELECT public.change(); DELETE FROM public.everything');
    const { rows } = await admin.query<{ operation: string; data: string }>(
      `SELECT operation, coalesce(new_data, old_data)::text AS data FROM audit.audit_log WHERE operation IN ('INSERT', 'UPDATE', 'DELETE') ORDER BY id DESC LIMIT 3`,
    );
    expect(rows.map(({ operation }) => operation)).toEqual(['DELETE', 'UPDATE', 'INSERT']);
    const expected = Object.fromEntries(TYPES.map(([, , recorded], index) => [`c${index}`, recorded]));
    for (const { data } of rows) expect(parseExact(data)).toMatchObject(expected);
    if (session === 'hostile') {
      const settings = await client.query<{ float: string; style: string; bytes: string; span: string }>(
        `SELECT current_setting('extra_float_digits') AS float, current_setting('DateStyle') AS style, current_setting('bytea_output') AS bytes, current_setting('IntervalStyle') AS span`,
      );
      expect(settings.rows[0]).toEqual({ float: '-15', style: 'SQL, DMY', bytes: 'escape', span: 'sql_standard' });
    }
  });
});
