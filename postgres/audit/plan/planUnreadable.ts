import type { AuditSpec } from '../../spec';
import type { AuditActual } from '../catalog';
import { trailNames } from '../names';
import { UNREADABLE } from '../sql/bounds';
import { type AuditStep, step } from './step';

/** A byte of jsonb is at most 131,072 digits in 12 bytes as text: rows below this are never unreadable, and need no closer look. */
const SURELY_READABLE = Math.floor(UNREADABLE / (131_072 / 12));

/**
 * Once, when a trail of an earlier version gets its bounds: rows whose text PostgreSQL cannot make, so that neither a dump nor the chain can
 * have them, are bounded as they would be now. Rows with a hash, and those of a sealed time, have been text before.
 */
export function planUnreadable(spec: AuditSpec, actual: AuditActual): AuditStep[] {
  const existed = actual.relations.some(({ name }) => name === spec.table);
  if (!existed || actual.functions.some(({ name }) => name === 'bounded')) return [];
  const { trail, horizon, fn } = trailNames(spec);
  const images = ['old_data', 'new_data', 'key', 'marker'];
  const bytes = images.map((column) => `coalesce(pg_column_size(t.${column} #> '{}'), 0)`).join(' + ');
  const weight = images.map((column) => `coalesce(${fn('weigh')}(t.${column}, ${UNREADABLE}), 0)`).join(' + ');
  const bound = images.map(
    (column) => `${column} = ${fn('bounded')}(t.${column}, ARRAY(SELECT jsonb_object_keys(t.key)))`,
  );
  const sql =
    `WITH changed AS (UPDATE ${trail} AS t SET ${bound.join(', ')}\n` +
    ` WHERE t.hash IS NULL AND t.clock_time >= coalesce((SELECT h.sealed_until FROM ${horizon} AS h), '-infinity')\n` +
    `   AND CASE WHEN ${bytes} > ${SURELY_READABLE} THEN ${weight} > ${UNREADABLE} END\n` +
    ` RETURNING t.table_schema, t.table_name)\n` +
    `SELECT ${fn('mark')}('CONFIGURED', c.table_schema, c.table_name, jsonb_build_object('bounded', count(*))) FROM changed AS c GROUP BY c.table_schema, c.table_name`;
  return [
    step('change', `trail ${spec.schema}.${spec.table}`, 'rows too large for any dump, as their hash and size', [sql]),
  ];
}
