import type { ObjectType, SchemaObject } from '../spec';

/** PostgreSQL's own list for each type (manual, "Privileges"), in capitals as Pulumi's provider wants them. */
const PRIVILEGES: Record<ObjectType, readonly string[]> = {
  database: ['CREATE', 'CONNECT', 'TEMPORARY'],
  schema: ['CREATE', 'USAGE'],
  table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'],
  sequence: ['USAGE', 'SELECT', 'UPDATE'],
  function: ['EXECUTE'],
};
/** From PostgreSQL 17 on. */
const LATER: Partial<Record<ObjectType, string>> = { table: 'MAINTAIN' };

/** pg_default_acl.defaclobjtype. */
export const LATER_OBJECTS: Record<SchemaObject, 'r' | 'S' | 'f'> = { table: 'r', sequence: 'S', function: 'f' };

const ALL = 'ALL';

/** What may be granted on such an object. */
export function privilegesOn(objectType: ObjectType): string[] {
  const later = LATER[objectType];
  return [ALL, ...PRIVILEGES[objectType], ...(later === undefined ? [] : [later])];
}

/** Whether a list of granted privileges is the wanted one: order does not matter, and ALL is every one there is. */
export function samePrivileges(objectType: ObjectType, wanted: readonly string[], granted: readonly string[]): boolean {
  const has = new Set(granted);
  if (wanted.includes(ALL)) return PRIVILEGES[objectType].every((privilege) => has.has(privilege));
  return has.size === new Set(wanted).size && wanted.every((privilege) => has.has(privilege));
}

/** The list as SQL. Only PostgreSQL's own words get there. */
export function privilegeList(objectType: ObjectType, privileges: readonly string[]): string {
  const known = privilegesOn(objectType);
  const foreign = privileges.find((privilege) => !known.includes(privilege));
  if (foreign !== undefined) throw new RangeError(`${JSON.stringify(foreign)} is no privilege on a ${objectType}.`);
  return privileges.includes(ALL) ? 'ALL PRIVILEGES' : privileges.join(', ');
}
