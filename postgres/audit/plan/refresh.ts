import type { AuditedTable, AuditSpec } from '../../spec';
import type { AuditActual } from '../catalog';
import { tableLabel } from '../names';

/**
 * The audited tables as the database has them, for a refresh: declared ones that are still recorded as declared, then those recorded that
 * are not declared. Columns to hide that the table does not have yet are kept, since the database cannot know of them.
 */
export function refreshedTables(spec: AuditSpec, actual: AuditActual): AuditedTable[] {
  const kept = spec.tables.filter((declared) => actual.audited.some((row) => tableLabel(row) === tableLabel(declared)));
  const others = actual.audited
    .filter((row) => !spec.tables.some((declared) => tableLabel(declared) === tableLabel(row)))
    .map(({ schema, table }) => ({ schema, table }));
  return [...kept, ...others];
}
