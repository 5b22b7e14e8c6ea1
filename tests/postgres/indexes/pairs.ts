import type { IndexSpec } from '../../../postgres/spec';

/** What both sides of every pair stand on. Extensions live apart, as some installations keep them. */
export const SCHEMA_SQL = `
CREATE SCHEMA ext;
CREATE EXTENSION pg_trgm SCHEMA ext;
CREATE EXTENSION btree_gin;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
CREATE DOMAIN short AS text CHECK (length(value) < 100);
CREATE COLLATION backwards (provider = libc, locale = 'C');
CREATE FUNCTION folded(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower($1) $$;
CREATE TABLE "Student" (
  id int, "userId" text, name text, code varchar(20), location text COLLATE "C", grade int, mood mood, tags text[],
  data jsonb, born timestamptz, active boolean, alias short, big bigint, words tsvector, "order" int);`;

export interface Pair {
  what: string;
  /** The declared index, without what all share. */
  wanted: Partial<IndexSpec>;
  /** What follows the index's name in the statement that made the actual one. */
  actual: string;
  /** The properties that differ; none: the same index in other words. */
  differs: string[];
}

const on = (name: string, more: object = {}): Pick<IndexSpec, 'columns'> => ({ columns: [{ name, ...more }] });
const expression = (sql: string): Pick<IndexSpec, 'columns'> => on(sql, { expression: true });
const T = 'ON "Student"';

export const PAIRS: Pair[] = [
  // Method
  { what: 'default method', wanted: on('name'), actual: `${T} USING btree (name)`, differs: [] },
  {
    what: 'method in capitals',
    wanted: { ...on('name'), method: 'HASH' },
    actual: `${T} USING hash (name)`,
    differs: [],
  },
  {
    what: 'another method',
    wanted: { ...on('name'), method: 'hash' },
    actual: `${T} (name)`,
    differs: ['method'],
  },
  // Columns
  {
    what: 'reserved and mixed-case names',
    wanted: { columns: [{ name: 'order' }, { name: 'userId' }] },
    actual: `${T} ("order", "userId")`,
    differs: [],
  },
  {
    what: 'columns in another order',
    wanted: { columns: [{ name: 'id' }, { name: 'name' }] },
    actual: `${T} (name, id)`,
    differs: ['columns'],
  },
  {
    what: 'one column more',
    wanted: { columns: [{ name: 'id' }, { name: 'name' }] },
    actual: `${T} (id)`,
    differs: ['columns'],
  },
  { what: 'another column', wanted: on('name'), actual: `${T} ("userId")`, differs: ['columns'] },
  // Order and nulls
  {
    what: 'asc spelled out',
    wanted: on('grade', { order: 'asc', nulls: 'last' }),
    actual: `${T} (grade)`,
    differs: [],
  },
  {
    what: 'desc implies nulls first',
    wanted: on('grade', { order: 'desc' }),
    actual: `${T} (grade DESC NULLS FIRST)`,
    differs: [],
  },
  {
    what: 'desc against asc',
    wanted: on('grade', { order: 'desc' }),
    actual: `${T} (grade)`,
    differs: ['columns[0].order', 'columns[0].nulls'],
  },
  {
    what: 'nulls last against desc’s default',
    wanted: on('grade', { order: 'desc', nulls: 'last' }),
    actual: `${T} (grade DESC)`,
    differs: ['columns[0].nulls'],
  },
  {
    what: 'nulls first on asc',
    wanted: on('grade'),
    actual: `${T} (grade NULLS FIRST)`,
    differs: ['columns[0].nulls'],
  },
  // Operator classes
  {
    what: 'default operator class spelled out',
    wanted: on('name', { opclass: 'text_ops' }),
    actual: `${T} (name)`,
    differs: [],
  },
  { what: 'default operator class left out', wanted: on('id'), actual: `${T} (id pg_catalog.int4_ops)`, differs: [] },
  {
    what: 'varchar_ops is text_ops',
    wanted: on('code', { opclass: 'varchar_ops' }),
    actual: `${T} (code)`,
    differs: [],
  },
  {
    what: 'pattern operator class',
    wanted: on('name', { opclass: 'text_pattern_ops' }),
    actual: `${T} (name)`,
    differs: ['columns[0].opclass'],
  },
  {
    what: 'trigram class found in its schema',
    wanted: { ...on('name', { opclass: 'gin_trgm_ops' }), method: 'gin' },
    actual: `${T} USING gin (name ext.gin_trgm_ops)`,
    differs: [],
  },
  {
    what: 'trigram class with its schema',
    wanted: { ...on('name', { opclass: 'ext.gin_trgm_ops' }), method: 'gin' },
    actual: `${T} USING gin (name ext.gin_trgm_ops)`,
    differs: [],
  },
  {
    what: 'default parameter of a class',
    wanted: { ...on('name', { opclass: 'gist_trgm_ops' }), method: 'gist' },
    actual: `${T} USING gist (name ext.gist_trgm_ops (siglen = 12))`,
    differs: [],
  },
  {
    what: 'parameter of a class',
    wanted: { ...on('name', { opclass: 'gist_trgm_ops(siglen=32)' }), method: 'gist' },
    actual: `${T} USING gist (name ext.gist_trgm_ops (siglen = 64))`,
    differs: ['columns[0].opclassParameters'],
  },
  {
    what: 'the same parameter otherwise written',
    wanted: { ...on('name', { opclass: "gist_trgm_ops ( siglen = '032' )" }), method: 'gist' },
    actual: `${T} USING gist (name ext.gist_trgm_ops (siglen = 32))`,
    differs: [],
  },
  {
    what: 'jsonb_ops is the default',
    wanted: { ...on('data', { opclass: 'jsonb_ops' }), method: 'gin' },
    actual: `${T} USING gin (data)`,
    differs: [],
  },
  {
    what: 'jsonb_path_ops is not',
    wanted: { ...on('data', { opclass: 'jsonb_path_ops' }), method: 'gin' },
    actual: `${T} USING gin (data)`,
    differs: ['columns[0].opclass'],
  },
  // Collations
  {
    what: 'default collation spelled out',
    wanted: on('name', { collation: 'default' }),
    actual: `${T} (name)`,
    differs: [],
  },
  {
    what: 'the column’s own collation spelled out',
    wanted: on('location'),
    actual: `${T} (location COLLATE "C")`,
    differs: [],
  },
  {
    what: 'another collation',
    wanted: on('name', { collation: 'C' }),
    actual: `${T} (name)`,
    differs: ['columns[0].collation'],
  },
  {
    what: 'a collation of its own, qualified',
    wanted: on('name', { collation: 'public.backwards' }),
    actual: `${T} (name COLLATE backwards)`,
    differs: [],
  },
  // Expressions
  {
    what: 'function by another spelling',
    wanted: expression('LOWER( name )'),
    actual: `${T} (lower(name))`,
    differs: [],
  },
  { what: 'a column in parentheses', wanted: expression('name'), actual: `${T} (name)`, differs: [] },
  { what: 'qualified column', wanted: expression('lower("Student".name)'), actual: `${T} (lower(name))`, differs: [] },
  {
    what: 'cast written two ways',
    wanted: expression('CAST(grade AS text)'),
    actual: `${T} ((grade::text))`,
    differs: [],
  },
  { what: 'implicit cast', wanted: expression('lower(code)'), actual: `${T} (lower(code::text))`, differs: [] },
  {
    what: 'function of a schema',
    wanted: expression('folded(name)'),
    actual: `${T} (public.folded(name))`,
    differs: [],
  },
  {
    what: 'a comment inside',
    wanted: expression('lower(name) -- as typed'),
    actual: `${T} (lower(name))`,
    differs: [],
  },
  { what: 'json arrow', wanted: expression("data->>'k'"), actual: `${T} ((data ->> 'k'::text))`, differs: [] },
  { what: 'another expression', wanted: expression('lower(name)'), actual: `${T} (upper(name))`, differs: ['columns'] },
  { what: 'expression against column', wanted: expression('lower(name)'), actual: `${T} (name)`, differs: ['columns'] },
  {
    what: 'AT TIME ZONE',
    wanted: expression("(born AT TIME ZONE 'UTC')::date"),
    actual: `${T} (((born at time zone 'UTC'::text)::date))`,
    differs: [],
  },
  // Predicates
  {
    what: 'predicate in other words',
    wanted: { ...on('id'), predicate: "mood IN ('sad', 'ok')" },
    actual: `${T} (id) WHERE mood = ANY (ARRAY['sad'::mood, 'ok'::mood])`,
    differs: [],
  },
  {
    what: 'between',
    wanted: { ...on('id'), predicate: 'grade BETWEEN 1 AND 5' },
    actual: `${T} (id) WHERE ((grade >= 1) AND (grade <= 5))`,
    differs: [],
  },
  {
    what: 'and in another order',
    wanted: { ...on('id'), predicate: "name <> ' AND ' AND grade > 1 AND active" },
    actual: `${T} (id) WHERE active AND name <> ' AND ' AND 1 < 2 AND grade > 1`,
    differs: ['predicate'],
  },
  {
    what: 'and in another order, same parts',
    wanted: { ...on('id'), predicate: "name <> ' AND ' AND grade > 1 AND active" },
    actual: `${T} (id) WHERE active AND (name <> ' AND ') AND (grade > 1)`,
    differs: [],
  },
  {
    what: 'not equal written two ways',
    wanted: { ...on('id'), predicate: "name != 'x'" },
    actual: `${T} (id) WHERE name <> 'x'::text`,
    differs: [],
  },
  {
    what: 'is not null',
    wanted: { ...on('id'), predicate: '"userId" IS NOT NULL' },
    actual: `${T} (id) WHERE (("userId" IS NOT NULL))`,
    differs: [],
  },
  {
    what: 'a constant apart',
    wanted: { ...on('id'), predicate: 'grade > 1' },
    actual: `${T} (id) WHERE grade > 2`,
    differs: ['predicate'],
  },
  {
    what: 'predicate missing',
    wanted: { ...on('id'), predicate: 'active' },
    actual: `${T} (id)`,
    differs: ['predicate'],
  },
  { what: 'predicate too many', wanted: on('id'), actual: `${T} (id) WHERE active`, differs: ['predicate'] },
  {
    what: 'bigint constant',
    wanted: { ...on('id'), predicate: 'big > 5' },
    actual: `${T} (id) WHERE big > 5`,
    differs: [],
  },
  {
    what: 'or keeps its order',
    wanted: { ...on('id'), predicate: 'active OR grade > 1' },
    actual: `${T} (id) WHERE active OR grade > 1`,
    differs: [],
  },
  // Include
  {
    what: 'included columns in another order',
    wanted: { ...on('id'), include: ['name', 'grade'] },
    actual: `${T} (id) INCLUDE (grade, name)`,
    differs: [],
  },
  {
    what: 'included column missing',
    wanted: { ...on('id'), include: ['name'] },
    actual: `${T} (id)`,
    differs: ['include'],
  },
  {
    what: 'included is not key',
    wanted: { columns: [{ name: 'id' }, { name: 'name' }] },
    actual: `${T} (id) INCLUDE (name)`,
    differs: ['columns', 'include'],
  },
  // Storage
  {
    what: 'fillfactor as text',
    wanted: { ...on('id'), storage: { fillfactor: '70' } },
    actual: `${T} (id) WITH (fillfactor = 70)`,
    differs: [],
  },
  {
    what: 'fillfactor’s default spelled out',
    wanted: on('id'),
    actual: `${T} (id) WITH (fillfactor = 90)`,
    differs: [],
  },
  {
    what: 'another fillfactor',
    wanted: { ...on('id'), storage: { fillfactor: 70 } },
    actual: `${T} (id)`,
    differs: ['storage.fillfactor'],
  },
  {
    what: 'false is off',
    wanted: { ...on('id'), storage: { deduplicate_items: false } },
    actual: `${T} (id) WITH (deduplicate_items = off)`,
    differs: [],
  },
  {
    what: 'on is the default',
    wanted: { ...on('tags'), method: 'gin', storage: { fastupdate: true } },
    actual: `${T} USING gin (tags)`,
    differs: [],
  },
  {
    what: 'no is off',
    wanted: { ...on('tags'), method: 'gin', storage: { fastupdate: 'off' } },
    actual: `${T} USING gin (tags) WITH (fastupdate = no)`,
    differs: [],
  },
  {
    what: 'buffering in capitals',
    wanted: { ...on('words'), method: 'gist', storage: { buffering: 'ON' } },
    actual: `${T} USING gist (words) WITH (buffering = on)`,
    differs: [],
  },
  {
    what: 'brin range',
    wanted: { ...on('born'), method: 'brin', storage: { pages_per_range: 32 } },
    actual: `${T} USING brin (born)`,
    differs: ['storage.pages_per_range'],
  },
  // Uniqueness
  { what: 'unique against not', wanted: { ...on('id'), unique: true }, actual: `${T} (id)`, differs: ['unique'] },
  {
    what: 'tablespace of the database spelled out',
    wanted: { ...on('id'), tablespace: 'pg_default' },
    actual: `${T} (id)`,
    differs: [],
  },
  // Types
  { what: 'enum column', wanted: on('mood'), actual: `${T} (mood)`, differs: [] },
  { what: 'domain column', wanted: on('alias', { opclass: 'text_ops' }), actual: `${T} (alias)`, differs: [] },
  {
    what: 'btree_gin over two types',
    wanted: { columns: [{ name: 'id' }, { name: 'name' }], method: 'gin' },
    actual: `${T} USING gin (id, name)`,
    differs: [],
  },
];

/** The same for unique indexes: the statement begins otherwise. */
export const UNIQUE_PAIRS: Pair[] = [
  { what: 'unique', wanted: { ...on('id'), unique: true }, actual: `${T} (id)`, differs: [] },
  {
    what: 'nulls distinct spelled out',
    wanted: { ...on('id'), unique: true, nullsNotDistinct: false },
    actual: `${T} (id) NULLS DISTINCT`,
    differs: [],
  },
  {
    what: 'nulls not distinct',
    wanted: { ...on('id'), unique: true, nullsNotDistinct: true },
    actual: `${T} (id) NULLS NOT DISTINCT`,
    differs: [],
  },
  {
    what: 'nulls not distinct against the default',
    wanted: { ...on('id'), unique: true, nullsNotDistinct: true },
    actual: `${T} (id)`,
    differs: ['nullsNotDistinct'],
  },
  { what: 'unique too many', wanted: on('id'), actual: `${T} (id)`, differs: ['unique'] },
  {
    what: 'partial unique',
    wanted: { ...on('userId'), unique: true, predicate: 'active = true' },
    actual: `${T} ("userId") WHERE (active = true)`,
    differs: [],
  },
];
