/** Columns of the primary key of the table whose oid is `relation`, in order. NULL: it has none, or one that a partition lacks. */
export const keyColumns = (relation: string): string => `(
  SELECT array_agg(a.attname::text ORDER BY k.position) FROM pg_index AS i, unnest(i.indkey) WITH ORDINALITY AS k(number, position), pg_attribute AS a
   WHERE i.indrelid = ${relation} AND i.indisprimary AND i.indisvalid AND a.attrelid = i.indrelid AND a.attnum = k.number)`;
