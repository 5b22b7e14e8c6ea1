import { grantee, quoteIdentifier } from '../connection/quote';
import { MIGRATIONS_TABLE } from '../migrations/history';
import { LATER_OBJECTS } from '../roles/privileges';
import { type GrantSpec, type PrivilegesSpec, SCHEMA_OBJECTS } from '../spec';
import { type Step, step } from '../steps/step';
import type { AclObject, DefaultAcl, GrantedPrivilege, PrivilegesState } from './catalog';
import { describedObjects, onObjects } from './statement';

/**
 * What brings every declared role, and PUBLIC, to exactly the declared rights: owners, revokes on any object of the database, grants on tables,
 * sequences and functions. Declared grants on database and schemas, and default privileges, are resources of their own, which see to
 * themselves. Statements that say the same of several objects are one. What belongs to nobody whom the account may act for, as the catalog of a
 * managed server, is left alone: `beyondReach` says what.
 */
export function planPrivileges(spec: PrivilegesSpec, state: PrivilegesState): Step[] {
  const objects = state.objects.filter(
    ({ kind, schema, mayChange }) => mayChange && (schema !== spec.trail || kind === 'column'),
  );
  const revokes: Change[] = [];
  const grants: Change[] = [];
  const transfers: Step[] = [];
  for (const object of objects) {
    const owner = ownerOf(spec, object);
    if (owner !== object.owner) transfers.push(transfer(object, owner));
    const wanted = wantedOn(spec, object);
    for (const granted of object.granted) revokes.push(...surplus(object, granted, wanted));
    if (!isMade(object)) continue;
    for (const [role, privileges] of wanted) {
      const has = object.granted.filter((one) => one.grantee === role && one.grantor === null);
      const missing = privileges.filter((privilege) => !has.some((one) => one.privilege === privilege));
      if (missing.length > 0 && role !== owner) grants.push({ object, role, privileges: missing, verb: 'GRANT' });
    }
    const lacks = spec.roles.includes(owner) ? object.ownerLacks : [];
    if (lacks.length > 0) grants.push({ object, role: owner, privileges: lacks, verb: 'GRANT' });
  }
  grants.push(...onMissing(spec, state.objects));
  // A sequence goes with the table it belongs to, and not before it.
  transfers.reverse();
  const defaults = state.defaults.filter(({ mayChange }) => mayChange);
  return [...transfers, ...grouped(revokes), ...grouped(grants), ...planDefaults(spec, defaults)];
}

/** What the account would do if it were a superuser, and cannot. */
export function beyondReach(spec: PrivilegesSpec, { objects, defaults }: PrivilegesState): Step[] {
  const turned = <T extends { mayChange: boolean }>(all: readonly T[]): T[] =>
    all.map((one) => ({ ...one, mayChange: !one.mayChange }));
  return planPrivileges(
    { ...spec, grants: spec.grants.map((grant) => ({ ...grant, objects: [] })) },
    {
      objects: turned(objects),
      defaults: turned(defaults),
    },
  );
}

/**
 * Who has to own it. In our schemas a declared role owns what it makes as declared (the schema is its own, or default privileges are said of what
 * it makes) and nothing else: an owner holds every right.
 */
function ownerOf(spec: PrivilegesSpec, { kind, schema, owner, schemaOwner, ofExtension }: AclObject): string {
  const isOurs = schema !== null && spec.schemas.includes(schema) && spec.roles.includes(owner);
  if (!isOurs || ofExtension || kind === 'column' || schemaOwner === null || schemaOwner === owner) return owner;
  return spec.defaultPrivileges.some((one) => one.owner === owner) ? owner : schemaOwner;
}

function transfer(object: AclObject, owner: string): Step {
  return step(
    `give ${describedObjects([object])}, which ${object.owner} owns, to ${owner}`,
    `ALTER ${onObjects([object])} OWNER TO ${quoteIdentifier(owner)}`,
  );
}

/** Grants on named objects that are not there: PostgreSQL refuses them by name, and a preview shows them. */
function onMissing(spec: PrivilegesSpec, objects: readonly AclObject[]): Change[] {
  return spec.grants.flatMap(({ role, objectType, schema = null, objects: names, privileges }) => {
    if (objectType === 'database' || objectType === 'schema') return [];
    const isThere = (name: string): boolean =>
      objects.some((object) => object.kind === objectType && object.schema === schema && object.name === name);
    return names
      .filter((name) => !isThere(name))
      .map((name): Change => {
        const none = {
          owner: '',
          schemaOwner: null,
          ofExtension: false,
          mayChange: true,
          ownerLacks: [],
          granted: [],
          signature: null,
          column: null,
        };
        return { object: { kind: objectType, schema, name, ...none }, role, privileges, verb: 'GRANT' };
      });
  });
}

interface Change {
  object: AclObject;
  role: string;
  privileges: string[];
  verb: 'GRANT' | 'REVOKE' | 'REVOKE GRANT OPTION FOR';
  /** Who granted it, where that is not the owner. */
  as?: string;
}

const isMade = ({ kind }: AclObject): boolean => (SCHEMA_OBJECTS as readonly string[]).includes(kind);

/** Whether a grant on all objects of a schema means this one: Prisma's history and what extensions made are not the application's. */
function isOfApplication({ name, ofExtension }: AclObject): boolean {
  return !ofExtension && name !== MIGRATIONS_TABLE;
}

/** The declared privileges on the object, by role. */
function wantedOn(spec: PrivilegesSpec, object: AclObject): Map<string, string[]> {
  const wanted = new Map<string, string[]>();
  const { kind, name, schema } = object;
  const means = (grant: GrantSpec): boolean => {
    if (grant.objectType !== kind) return false;
    if (kind === 'database') return true;
    if (grant.schema !== schema) return false;
    return kind === 'schema' || (grant.objects.length === 0 ? isOfApplication(object) : grant.objects.includes(name));
  };
  for (const { role, privileges } of spec.grants.filter(means))
    wanted.set(role, [...new Set([...(wanted.get(role) ?? []), ...privileges])]);
  return wanted;
}

/** Rights somebody else than the owner granted are never the declared ones, which the owner grants. */
function surplus(object: AclObject, granted: GrantedPrivilege, wanted: ReadonlyMap<string, string[]>): Change[] {
  const { grantee: role, privilege, grantor, grantable } = granted;
  const isWanted = wanted.get(role)?.includes(privilege) === true && object.column === null;
  if (grantor !== null) return [{ object, role, privileges: [privilege], verb: 'REVOKE', as: grantor }];
  if (!isMade(object) && wanted.has(role)) return [];
  if (!isWanted) return [{ object, role, privileges: [privilege], verb: 'REVOKE' }];
  return grantable ? [{ object, role, privileges: [privilege], verb: 'REVOKE GRANT OPTION FOR' }] : [];
}

/** One statement for each role, verb and list of privileges. */
function grouped(changes: readonly Change[]): Step[] {
  const byObject = new Map<string, Change>();
  for (const change of changes) {
    const { object, role, verb, as } = change;
    const key = JSON.stringify([
      object.kind,
      object.schema,
      object.name,
      object.signature,
      object.column,
      role,
      verb,
      as,
    ]);
    const known = byObject.get(key);
    byObject.set(
      key,
      known === undefined ? change : { ...known, privileges: [...known.privileges, ...change.privileges] },
    );
  }
  const groups = new Map<string, [Change, ...Change[]]>();
  for (const change of byObject.values()) {
    const { object, role, verb, as, privileges } = change;
    const key = JSON.stringify([object.kind, object.column, role, verb, as, [...privileges].sort()]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()].map(grantStep);
}

function grantStep(group: readonly [Change, ...Change[]]): Step {
  const { object, role, privileges, verb, as } = group[0];
  const column = object.column === null ? '' : ` (${quoteIdentifier(object.column)})`;
  const list = privileges.map((privilege) => `${privilege}${column}`).join(', ');
  const on = onObjects(group.map((change) => change.object));
  const [preposition, end] = verb === 'GRANT' ? ['TO', ''] : ['FROM', ' CASCADE'];
  const sql = `${verb} ${list} ON ${on} ${preposition} ${grantee(role)}${end}`;
  const what = describedObjects(group.map((change) => change.object));
  const action = `${verb.toLowerCase()} ${privileges.join(', ')} on ${what} ${preposition.toLowerCase()} ${role}`;
  if (as === undefined) return step(action, sql);
  // Who has lost the option to grant since revokes nothing: given it back, it loses it with everything that came from there.
  const otherwise = [
    `GRANT ${list} ON ${on} TO ${quoteIdentifier(as)} WITH GRANT OPTION`,
    `REVOKE ${list} ON ${on} FROM ${quoteIdentifier(as)} CASCADE`,
  ];
  return { ...step(`${action}, granted by ${as}`, sql), as, otherwise };
}

const LATER: Record<DefaultAcl['objectType'], string> = {
  r: 'TABLES',
  S: 'SEQUENCES',
  f: 'ROUTINES',
  T: 'TYPES',
  n: 'SCHEMAS',
  L: 'LARGE OBJECTS',
};

function planDefaults(spec: PrivilegesSpec, defaults: readonly DefaultAcl[]): Step[] {
  return defaults.flatMap(({ owner, schema, objectType, granted }) => {
    const isDeclared = (role: string): boolean =>
      spec.defaultPrivileges.some(
        (one) =>
          one.owner === owner &&
          one.schema === schema &&
          one.role === role &&
          LATER_OBJECTS[one.objectType] === objectType,
      );
    const inSchema = schema === null ? '' : ` IN SCHEMA ${quoteIdentifier(schema)}`;
    const alter = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(owner)}${inSchema}`;
    const where = schema === null ? 'any schema' : `schema ${schema}`;
    const byRole = new Map<string, string[]>();
    for (const { grantee: role, privilege } of granted.filter((one) => !isDeclared(one.grantee)))
      byRole.set(role, [...(byRole.get(role) ?? []), privilege]);
    return [...byRole].map(([role, privileges]) =>
      step(
        `revoke ${privileges.join(', ')} on later ${LATER[objectType].toLowerCase()} of ${owner} in ${where} from ${role}`,
        `${alter} REVOKE ${privileges.join(', ')} ON ${LATER[objectType]} FROM ${grantee(role)}`,
      ),
    );
  });
}
