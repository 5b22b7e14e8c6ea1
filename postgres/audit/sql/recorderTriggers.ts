import type { AuditSpec } from '../../spec';
import { type ChangeOperation, literal, TRIGGERS } from '../names';

/** The trigger fires for the operation its name says and at its time: bits of pg_trigger.tgtype, 2 for BEFORE and 64 for INSTEAD OF. */
function firesFor(trigger: string): string {
  const bits: Record<ChangeOperation, number> = { INSERT: 4, DELETE: 8, UPDATE: 16, TRUNCATE: 32 + 2 };
  const cases = Object.entries(TRIGGERS).map(
    ([operation, name]) => `WHEN ${literal(name)} THEN ${bits[operation as ChangeOperation]}`,
  );
  return `(${trigger}.tgtype & 126) = CASE ${trigger}.tgname ${cases.join(' ')} END`;
}

/** Triggers that run a function of the trail, and whether each fires always, for all rows and for what its name says. */
export const recorders = (spec: AuditSpec): string => `(
        SELECT t.oid, t.tgrelid, t.tgname, p.proname, t.tgenabled = 'A' AND t.tgqual IS NULL AND t.tgattr::text = '' AND ${firesFor('t')} AS fires
          FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace AND n.nspname = ${literal(spec.schema)})`;
