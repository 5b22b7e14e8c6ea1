import { quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import { trailNames } from '../names';
import { type AuditFunction, plain } from './function';
import { type TrailColumn, trailColumns } from './tables';

/*
 * The hash chain. Each row gets a SHA-256 of itself as it is written; later, without anybody waiting, `seal` links them: a link covers the rows
 * of one month recorded in one stretch of time, and hashes the link before it. Chaining at write time would make every transaction
 * wait for the one before, and two that lock the same rows in another order deadlock.
 *
 * A stretch may be sealed when nothing can be added to it any more: whoever records before T has a transaction number below the next one
 * at T, so once all of those have ended, [.., T) is final.
 */

const microseconds = (column: string): string => `pg_catalog.trunc(extract(epoch from ${column}) * 1000000)`;

/**
 * One row in one canonical text, independent of the session's settings: times are counts, JSON is jsonb's own. Every column but the hash itself,
 * in the order of the table; the address at the end, where the first chains had it.
 */
export function rowDigest(spec: Pick<AuditSpec, 'schema' | 'table'>, row: string): string {
  const columns = trailColumns(spec).filter(({ name }) => name !== 'hash');
  const last = ({ type }: TrailColumn): boolean => type === 'inet';
  const parts = [...columns.filter((column) => !last(column)), ...columns.filter(last)].map(({ name, type }) => {
    const column = `${row}.${quoteIdentifier(name)}`;
    return type.startsWith('timestamp') ? microseconds(column) : column;
  });
  return `pg_catalog.sha256(pg_catalog.convert_to(pg_catalog.jsonb_build_array(${parts.join(', ')})::pg_catalog.text, 'UTF8'))`;
}

/** The digest of a stretch: of its rows' hashes in order, in blocks, since a value is 1 GB at most. */
function stretchDigest(spec: AuditSpec, rows: string): string {
  const numbered = `SELECT coalesce(t.hash, ${rowDigest(spec, 't')}) AS hash, row_number() OVER (ORDER BY t.clock_time, t.id) AS number FROM ${rows}`;
  const blocks =
    `SELECT r.number / 65536 AS number, count(*) AS rows, pg_catalog.sha256(string_agg(r.hash, '' ORDER BY r.number)) AS block ` +
    `FROM (${numbered}) AS r GROUP BY 1`;
  return (
    `SELECT coalesce(sum(b.rows), 0)::bigint AS row_count, ` +
    `pg_catalog.sha256(coalesce(string_agg(b.block, '' ORDER BY b.number), '')) AS digest FROM (${blocks}) AS b`
  );
}

/** Which rows a link covers. */
const stretchRows = (trail: string, month: string, from: string, until: string): string =>
  `${trail} AS t WHERE t."timestamp" >= (${month})::timestamp AT TIME ZONE 'UTC' ` +
  `AND t."timestamp" < ((${month})::timestamp + interval '1 month') AT TIME ZONE 'UTC' AND t.clock_time >= ${from} AND t.clock_time < ${until}`;

/** A link's hash, over everything it says; the month as a number of days, since a date's text depends on DateStyle. */
export const linkHash = (link: string): string =>
  `pg_catalog.sha256(${link}.previous || pg_catalog.convert_to(concat_ws('/', ${link}.month - DATE '2000-01-01', ${link}.position, ` +
  `${microseconds(`${link}.from_time`)}, ${microseconds(`${link}.until_time`)}, ${link}.row_count), 'UTF8') || ${link}.digest)`;

/** Before the first link of a month. */
export const GENESIS = `'\\x0000000000000000000000000000000000000000000000000000000000000000'::bytea`;

export function chainFunctions(spec: AuditSpec): AuditFunction[] {
  if (!spec.hashChain) return [];
  return [
    {
      ...plain('hash_row', 'trigger'),
      source: `\nBEGIN\n  NEW.hash := ${rowDigest(spec, 'NEW')};\n  RETURN NEW;\nEND\n`,
    },
    { ...plain('seal', 'SETOF text'), source: sealBody(spec) },
  ];
}

function sealBody(spec: AuditSpec): string {
  const { trail, chain, horizon } = trailNames(spec);
  const last = `SELECT x.position, x.until_time, x.hash FROM ${chain} AS x WHERE x.month = item.month ORDER BY x.position DESC LIMIT 1`;
  return `
DECLARE
  moment timestamptz;
  our_txid bigint;
  ended_below bigint;
  limits record;
  reaches timestamptz;
  item record;
BEGIN
  -- A number taken earlier says nothing about who recorded since.
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RETURN NEXT 'sealing waits for a transaction of its own: this one has changed something already';
    RETURN;
  END IF;
  -- One at a time. A table lock, since an advisory one could be held by anybody.
  LOCK TABLE ${horizon} IN SHARE UPDATE EXCLUSIVE MODE;
  -- In this order: who recorded before the moment has a lower number than ours, and the snapshot tells whether all of those have ended.
  moment := clock_timestamp();
  our_txid := txid_current();
  ended_below := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
  INSERT INTO ${horizon} (sealed_until) VALUES ('-infinity') ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT limits FROM ${horizon};
  IF ended_below >= our_txid THEN
    reaches := moment;
  ELSIF limits.pending_txid IS NULL OR limits.pending_txid > our_txid THEN
    -- A number above ours was restored from another cluster.
    UPDATE ${horizon} SET pending_until = moment, pending_txid = our_txid;
    RETURN NEXT 'sealing waits for transactions that are under way';
    RETURN;
  ELSIF ended_below >= limits.pending_txid THEN
    reaches := limits.pending_until;
  ELSE
    RETURN NEXT format('sealing waits for a transaction that is under way since before %s', limits.pending_until);
    RETURN;
  END IF;
  FOR item IN
    SELECT date_trunc('month', t."timestamp" AT TIME ZONE 'UTC')::date AS month FROM ${trail} AS t
     WHERE t.clock_time >= limits.sealed_until AND t.clock_time < reaches GROUP BY 1 ORDER BY 1
  LOOP
    INSERT INTO ${chain} (month, position, from_time, until_time, row_count, digest, previous, hash)
    SELECT l.*, ${linkHash('l')} FROM (
      SELECT item.month AS month, coalesce(p.position, 0) + 1 AS position, coalesce(p.until_time, '-infinity') AS from_time, reaches AS until_time,
             s.row_count, s.digest, coalesce(p.hash, ${GENESIS}) AS previous
        FROM (${stretchDigest(spec, stretchRows(trail, 'item.month', 'limits.sealed_until', 'reaches'))}) AS s
        LEFT JOIN (${last}) AS p ON true) AS l;
    RETURN NEXT format('sealed %s', to_char(item.month, 'YYYY-MM'));
  END LOOP;
  UPDATE ${horizon} SET sealed_until = reaches, pending_until = nullif(moment, reaches), pending_txid = CASE WHEN moment <> reaches THEN our_txid END;
END
`;
}
