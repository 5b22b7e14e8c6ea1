import { literal } from './names';

/*
 * A UUID of version 7: milliseconds in front, then the version, then a sequence instead of randomness. So ids ascend in the order they were
 * given and are unique without an index. Every name and operator bears its schema, since recorders compute it in the session of
 * whoever changes a row.
 */

/** The front: text of 16 digits. A statement's rows may share it. */
export const ID_PREFIX =
  `'0' OPERATOR(pg_catalog.||) pg_catalog.to_hex((pg_catalog.date_part('epoch', pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000)` +
  `::pg_catalog.int8 OPERATOR(pg_catalog.*) 65536 OPERATOR(pg_catalog.+) 28672)`;

/** The whole, after `prefix`; the sequence (as SQL) counts up from the variant's bit. */
export function idAfter(prefix: string, sequence: string): string {
  return (
    `(${prefix} OPERATOR(pg_catalog.||) pg_catalog.to_hex((-9223372036854775808) OPERATOR(pg_catalog.+) ` +
    `pg_catalog.nextval(${literal(sequence)}::pg_catalog.regclass)))::pg_catalog.uuid`
  );
}
