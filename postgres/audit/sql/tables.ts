import { quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import { columnSql, TRAIL_COLUMNS } from '../columns';
import { literal, searchIndexName, SUPPORT, trailNames } from '../names';

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
  const { trail, sequence, defaultPartition } = trailNames(spec);
  const columns = TRAIL_COLUMNS.map((column) => columnSql(column, sequence));
  return [
    `CREATE TABLE ${trail} (\n  ${columns.join(',\n  ')}\n) PARTITION BY RANGE ("timestamp")`,
    ...(lz4 ? ['old_data', 'new_data'] : []).map(
      (name) => `ALTER TABLE ${trail} ALTER COLUMN ${name} SET COMPRESSION lz4`,
    ),
    ...TRAIL_COLUMNS.map(
      ({ name, comment }) => `COMMENT ON COLUMN ${trail}.${quoteIdentifier(name)} IS ${literal(comment)}`,
    ),
    searchIndexSql(spec),
    `CREATE TABLE ${defaultPartition} PARTITION OF ${trail} DEFAULT`,
    `ALTER TABLE ${defaultPartition} ENABLE ROW LEVEL SECURITY`,
  ];
}

interface SupportTable {
  name: string;
  /** What it is for. */
  detail: string;
  /** Columns with their definitions; one added later has a default or may be NULL. */
  columns: Record<string, string>;
  constraint?: string;
  /** A column with an index. */
  indexed?: string;
}

const TIME = 'timestamp with time zone';

export const SUPPORT_TABLES: readonly SupportTable[] = [
  {
    name: SUPPORT.audited,
    detail: 'what is audited, which the guard compares the catalog with',
    columns: {
      relation: 'regclass PRIMARY KEY',
      table_schema: 'text NOT NULL',
      table_name: 'text NOT NULL',
      key_columns: 'text[] NOT NULL',
      hidden: 'jsonb NOT NULL',
      triggers: 'jsonb NOT NULL',
      rules: `jsonb NOT NULL DEFAULT '{}'`,
      // The transaction in which the guard changes its triggers itself.
      changing: 'bigint',
    },
  },
  {
    name: SUPPORT.suspension,
    detail: 'transactions whose bulk work is not recorded; a row counts for its own transaction alone',
    columns: {
      id: 'bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
      txid: 'bigint NOT NULL',
      relations: 'oid[] NOT NULL',
      reason: 'text NOT NULL',
      counts: 'jsonb NOT NULL',
      started_at: `${TIME} NOT NULL`,
      ended: 'boolean NOT NULL DEFAULT false',
    },
    indexed: 'txid',
  },
  {
    name: SUPPORT.chain,
    detail: 'hash chains: one a month, one link for each stretch of time that was sealed',
    columns: {
      month: 'date NOT NULL',
      position: 'integer NOT NULL',
      from_time: `${TIME} NOT NULL`,
      until_time: `${TIME} NOT NULL`,
      row_count: 'bigint NOT NULL',
      digest: 'bytea NOT NULL',
      previous: 'bytea NOT NULL',
      hash: 'bytea NOT NULL',
      sealed_at: `${TIME} NOT NULL DEFAULT clock_timestamp()`,
    },
    constraint: 'PRIMARY KEY (month, position)',
  },
  {
    name: SUPPORT.horizon,
    detail: 'how far the hash chains reach, and what the next link waits for',
    columns: {
      only_row: 'boolean PRIMARY KEY DEFAULT true CHECK (only_row)',
      sealed_until: `${TIME} NOT NULL`,
      pending_until: TIME,
      pending_txid: 'bigint',
      // The times in which the chain was on: rows recorded in them have a hash.
      hashed: `tstzmultirange NOT NULL DEFAULT '{}'`,
    },
  },
];

export function createSupport(spec: AuditSpec, { name, columns, constraint, indexed }: SupportTable): string[] {
  const table = trailNames(spec).fn(name);
  const definitions = Object.entries(columns).map(([column, definition]) => `${column} ${definition}`);
  const all = [...definitions, ...(constraint === undefined ? [] : [constraint])].join(', ');
  return [
    `CREATE TABLE ${table} (${all})`,
    ...(indexed === undefined ? [] : [`CREATE INDEX ON ${table} (${indexed})`]),
  ];
}

/** The chain is on from now. The trail is locked meanwhile, so no row is recorded between trigger and period. */
export const beginHashed = (spec: AuditSpec): string =>
  `INSERT INTO ${trailNames(spec).horizon} AS h (sealed_until, hashed) VALUES ('-infinity', tstzmultirange(tstzrange(clock_timestamp(), NULL))) ` +
  `ON CONFLICT (only_row) DO UPDATE SET hashed = h.hashed + EXCLUDED.hashed`;

export const endHashed = (spec: AuditSpec): string =>
  `UPDATE ${trailNames(spec).horizon} SET hashed = hashed * tstzmultirange(tstzrange(NULL, clock_timestamp()))`;
