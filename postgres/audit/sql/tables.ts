import { quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import { literal, searchIndexName, trailNames } from '../names';
import { idSql } from './identifier';

export interface TrailColumn {
  name: string;
  type: string;
  notNull?: boolean;
  /** SQL; kept in the catalog as a resolved expression, so no search path reaches it. */
  default?: string;
  comment: string;
}

/** The seed's seven first, in its order and with its names, then who, where and when in detail. */
export function trailColumns(spec: Pick<AuditSpec, 'schema' | 'table'>): TrailColumn[] {
  const { sequence } = trailNames(spec);
  return [
    { name: 'id', type: 'uuid', notNull: true, default: idSql(sequence), comment: 'Unique, ascending.' },
    { name: 'table_name', type: 'text', notNull: true, comment: 'The audited table; of a partition, the whole table.' },
    { name: 'operation', type: 'text', notNull: true, comment: 'INSERT, UPDATE, DELETE, TRUNCATE or a marker.' },
    { name: 'old_data', type: 'jsonb', comment: 'The row before.' },
    { name: 'new_data', type: 'jsonb', comment: 'The row after.' },
    { name: 'user_id', type: 'text', comment: 'app.current_user_id, as the application set it.' },
    {
      name: 'timestamp',
      type: 'timestamp with time zone',
      notNull: true,
      default: 'CURRENT_TIMESTAMP',
      comment: 'Start of the transaction, as in now(). Partitions are months of it, in UTC.',
    },
    {
      name: 'statement_time',
      type: 'timestamp with time zone',
      notNull: true,
      default: 'statement_timestamp()',
      comment: 'Start of the statement the client sent.',
    },
    {
      name: 'clock_time',
      type: 'timestamp with time zone',
      notNull: true,
      default: 'clock_timestamp()',
      comment: 'The moment of recording.',
    },
    {
      name: 'txid',
      type: 'bigint',
      notNull: true,
      default: 'txid_current()',
      comment: 'The transaction, epoch included.',
    },
    {
      name: 'session_user_name',
      type: 'text',
      notNull: true,
      default: 'session_user',
      comment: 'The role that logged in, whatever SET ROLE says.',
    },
    {
      name: 'application_name',
      type: 'text',
      default: `pg_catalog.current_setting('application_name')`,
      comment: 'As the client says.',
    },
    {
      name: 'client_address',
      type: 'inet',
      default: 'pg_catalog.inet_client_addr()',
      comment: 'Of the connection; behind a pooler, the pooler. NULL: a socket of the same machine.',
    },
    { name: 'table_schema', type: 'text', notNull: true, comment: 'Schema of table_name.' },
    { name: 'child_table', type: 'text', comment: 'The partition or child table that held the row.' },
    { name: 'key', type: 'jsonb', comment: 'The primary key; of an UPDATE or DELETE, before it.' },
    {
      name: 'key_hash',
      type: 'bigint',
      comment:
        'jsonb_hash_extended(..., 0) of the key’s value, or of the whole key where it has several; of [schema, table] where a whole table is concerned.',
    },
    { name: 'marker', type: 'jsonb', comment: 'What a marker says.' },
    { name: 'hash', type: 'bytea', comment: 'SHA-256 of the other columns, where the trail has a hash chain.' },
  ];
}

const OF_THE_SESSION = ['session_user_name', 'application_name', 'client_address'];

/** Columns whose default is the same for each row of a statement. Their defaults' names bear their schemas. */
export function sessionColumns(spec: Pick<AuditSpec, 'schema' | 'table'>): TrailColumn[] {
  return trailColumns(spec).filter(({ name }) => OF_THE_SESSION.includes(name));
}

/** One column of CREATE TABLE or ADD COLUMN. */
export function columnSql(column: TrailColumn): string {
  const fallback = column.default === undefined ? '' : ` DEFAULT ${column.default}`;
  return `${quoteIdentifier(column.name)} ${column.type}${column.notNull ? ' NOT NULL' : ''}${fallback}`;
}

/**
 * One BRIN index: block ranges of 32 pages with bounds of both times and Bloom filters of the row's key and of the user. A range is summarised
 * when it is full, so a write pays for opening the index and nothing else. 29 keys a page is what int8_bloom_ops assumes.
 */
export function searchIndexSql(spec: AuditSpec): string {
  const { trail } = trailNames(spec);
  return (
    `CREATE INDEX ${quoteIdentifier(searchIndexName(spec))} ON ${trail} USING brin ("timestamp", clock_time, ` +
    `key_hash int8_bloom_ops (false_positive_rate = 0.001), user_id text_bloom_ops (n_distinct_per_range = 100)) ` +
    `WITH (pages_per_range = 32, autosummarize = on)`
  );
}

/** The trail and its default partition, empty. Where PostgreSQL has LZ4, large rows use it: it costs the writer a fraction of pglz. */
export function createTrail(spec: AuditSpec, lz4: boolean): string[] {
  const { trail, defaultPartition } = trailNames(spec);
  const columns = trailColumns(spec);
  return [
    `CREATE TABLE ${trail} (\n  ${columns.map(columnSql).join(',\n  ')}\n) PARTITION BY RANGE ("timestamp")`,
    ...(lz4 ? ['old_data', 'new_data'] : []).map(
      (name) => `ALTER TABLE ${trail} ALTER COLUMN ${name} SET COMPRESSION lz4`,
    ),
    ...columns.map(({ name, comment }) => `COMMENT ON COLUMN ${trail}.${quoteIdentifier(name)} IS ${literal(comment)}`),
    searchIndexSql(spec),
    `CREATE TABLE ${defaultPartition} PARTITION OF ${trail} DEFAULT`,
    `ALTER TABLE ${defaultPartition} ENABLE ROW LEVEL SECURITY`,
  ];
}

/** What the guard needs of a table besides its triggers, and the transaction in which it changes them itself. */
export const AUDITED_LATER = [
  { name: 'rules', column: `rules jsonb NOT NULL DEFAULT '{}'` },
  { name: 'changing', column: 'changing bigint' },
];

/** What is audited: the guard compares the catalog with it. */
export function createAudited(spec: AuditSpec): string[] {
  return [
    `CREATE TABLE ${trailNames(spec).audited} (relation regclass PRIMARY KEY, table_schema text NOT NULL, table_name text NOT NULL, ` +
      `key_columns text[] NOT NULL, hidden jsonb NOT NULL, triggers jsonb NOT NULL, ${AUDITED_LATER.map(({ column }) => column).join(', ')})`,
  ];
}

/** Transactions whose bulk work is not recorded. A row counts for its own transaction alone. */
export function createSuspension(spec: AuditSpec): string[] {
  return [
    `CREATE TABLE ${trailNames(spec).suspension} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, txid bigint NOT NULL, ` +
      `relations oid[] NOT NULL, reason text NOT NULL, counts jsonb NOT NULL, started_at timestamp with time zone NOT NULL, ` +
      `ended boolean NOT NULL DEFAULT false)`,
    `CREATE INDEX ON ${trailNames(spec).suspension} (txid)`,
  ];
}

/** The times in which the chain was on: rows recorded in them have a hash. Before there were periods, only the last one's beginning was kept. */
export const HASHED = { name: 'hashed', column: `hashed tstzmultirange NOT NULL DEFAULT '{}'` };
export const FORMER_HASHED = 'hashed_from';

/** The chain is on from now. The trail is locked meanwhile, so no row is recorded between trigger and period. */
export const beginHashed = (spec: Pick<AuditSpec, 'schema' | 'table'>): string =>
  `INSERT INTO ${trailNames(spec).horizon} AS h (sealed_until, hashed) VALUES ('-infinity', tstzmultirange(tstzrange(clock_timestamp(), NULL))) ` +
  `ON CONFLICT (only_row) DO UPDATE SET hashed = h.hashed + EXCLUDED.hashed`;

export const endHashed = (spec: Pick<AuditSpec, 'schema' | 'table'>): string =>
  `UPDATE ${trailNames(spec).horizon} SET hashed = hashed * tstzmultirange(tstzrange(NULL, clock_timestamp()))`;

/** For a horizon without the column. `isOn`: rows get their hash already. */
export function addHashed(spec: AuditSpec, hasFormer: boolean, isOn: boolean): string[] {
  const { horizon } = trailNames(spec);
  const add = `ALTER TABLE ${horizon} ADD COLUMN ${HASHED.column}`;
  if (!hasFormer) return isOn ? [add, beginHashed(spec)] : [add];
  return [
    add,
    `UPDATE ${horizon} SET hashed = tstzmultirange(tstzrange(${FORMER_HASHED}, NULL)) WHERE ${FORMER_HASHED} IS NOT NULL`,
    `ALTER TABLE ${horizon} DROP COLUMN ${FORMER_HASHED}`,
  ];
}

/** Links of the hash chains: one chain a month, one link for each stretch of time that was sealed. The horizon is what the next link waits for. */
export function createChain(spec: AuditSpec): string[] {
  const { chain, horizon } = trailNames(spec);
  return [
    `CREATE TABLE ${chain} (month date NOT NULL, position integer NOT NULL, from_time timestamp with time zone NOT NULL, ` +
      `until_time timestamp with time zone NOT NULL, row_count bigint NOT NULL, digest bytea NOT NULL, previous bytea NOT NULL, ` +
      `hash bytea NOT NULL, sealed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (month, position))`,
    `CREATE TABLE ${horizon} (only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row), sealed_until timestamp with time zone NOT NULL, ` +
      `pending_until timestamp with time zone, pending_txid bigint, ${HASHED.column})`,
  ];
}
