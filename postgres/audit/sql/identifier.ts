import { literal } from '../names';

/*
 * A UUID of version 8 (the maker's own format): its last half comes from a sequence, so ids are unique without an index and ascend in the
 * order they were given. The sequence begins at the moment it was made, in milliseconds times 2^20, above the lowest number there is: its
 * 16 digits begin with the UUID's variant, and no two trails give the same ids. Every name and operator bears its schema,
 * since recorders compute it in the session of whoever changes a row; as few of them as can be, since each costs every change.
 */

const LOWEST = '-9223372036854775808';

/** As SQL, for the sequence (as SQL) that `createIdSequence` made. */
export function idSql(sequence: string): string {
  return (
    `('0000000000008000' OPERATOR(pg_catalog.||) pg_catalog.to_hex(` +
    `pg_catalog.nextval(${literal(sequence)}::pg_catalog.regclass)))::pg_catalog.uuid`
  );
}

export function createIdSequence(sequence: string): string[] {
  return [
    `CREATE SEQUENCE ${sequence} MINVALUE ${LOWEST}`,
    `SELECT pg_catalog.setval(${literal(sequence)}::pg_catalog.regclass, ` +
      `${LOWEST} + (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint * 1048576)`,
  ];
}
