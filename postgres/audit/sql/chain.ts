import { quoteIdentifier } from '../../connection/quote';
import { TRAIL_COLUMNS } from '../columns';
import { literal } from '../names';

/*
 * The hash chain. Each row gets a SHA-256 of itself as it is written; later, without anybody waiting, `seal` links them: a link covers the rows
 * of one month recorded in one stretch of time, and hashes the link before it. Chaining at write time would make every transaction
 * wait for the one before, and two that lock the same rows in another order deadlock.
 */

const microseconds = (column: string): string => `pg_catalog.trunc(extract(epoch from ${column}) * 1000000)`;

/**
 * One row in one canonical text, independent of the session's settings: times are counts, JSON is jsonb's own. Every column but the hash itself,
 * in the order of the table; the address at the end, where the first chains had it. One added later counts where it has a value, so
 * that rows of before are still what their hashes say.
 */
export function rowDigest(row: string): string {
  const sql = ({ name, type }: (typeof TRAIL_COLUMNS)[number]): string => {
    const column = `${row}.${quoteIdentifier(name)}`;
    return type === 'timestamp with time zone' ? microseconds(column) : column;
  };
  const first = TRAIL_COLUMNS.filter(({ name, later }) => name !== 'hash' && later !== true);
  const [address, others] = [first.filter(({ type }) => type === 'inet'), first.filter(({ type }) => type !== 'inet')];
  const content = [
    `pg_catalog.jsonb_build_array(${[...others, ...address].map(sql).join(', ')})`,
    ...TRAIL_COLUMNS.filter(({ later }) => later === true).map(
      (column) =>
        `CASE WHEN ${sql(column)} IS NULL THEN '[]' ELSE pg_catalog.jsonb_build_array(${literal(column.name)}, ${sql(column)}) END`,
    ),
  ].join(' || ');
  return `pg_catalog.sha256(pg_catalog.convert_to((${content})::pg_catalog.text, 'UTF8'))`;
}

/** A link's hash, over everything it says; the month as a number of days, since a date's text depends on DateStyle. */
export const linkHash = (link: string): string =>
  `pg_catalog.sha256(${link}.previous || pg_catalog.convert_to(concat_ws('/', ${link}.month - DATE '2000-01-01', ${link}.position, ` +
  `${microseconds(`${link}.from_time`)}, ${microseconds(`${link}.until_time`)}, ${link}.row_count), 'UTF8') || ${link}.digest)`;

/** Before the first link of a month. */
export const GENESIS = `'\\x${'0'.repeat(64)}'::bytea`;
