import { applyGrant, revokeGrant } from '../../../postgres/roles/grants';
import { privilegesOn } from '../../../postgres/roles/privileges';
import { readGrant } from '../../../postgres/roles/readGrant';
import { type GrantSpec, type ObjectType, SCHEMA_OBJECTS } from '../../../postgres/spec';
import type { Properties } from '../provider';
import { type Attribute, text, texts } from './attributes';
import type { Kind } from './kind';
import { nameProblem, nameProblems } from './names';
import { setOrder } from './setOrder';

const fixed: Attribute = { kind: 'text', input: 'required', replaces: true };

const OBJECT_TYPES: readonly ObjectType[] = ['database', 'schema', ...SCHEMA_OBJECTS];

function grantOf(properties: Properties): GrantSpec {
  const schema = text(properties, 'schema');
  return {
    role: text(properties, 'role'),
    objectType: text(properties, 'objectType') as ObjectType,
    ...(schema === '' ? {} : { schema }),
    objects: texts(properties, 'objects'),
    privileges: texts(properties, 'privileges'),
  };
}

export const grant: Kind = {
  attributes: {
    role: fixed,
    database: fixed,
    objectType: fixed,
    schema: { kind: 'text', input: 'optional', absent: null, replaces: true },
    objects: { kind: 'texts', input: 'optional', absent: null, replaces: true },
    privileges: { kind: 'texts', input: 'required', absent: null },
    columns: { kind: 'texts', absent: null },
    // Never declared; one given by hand is taken back in place.
    withGrantOption: { kind: 'flag', absent: false },
  },
  // Its deletion revokes everything on its objects, also what the replacement has just granted.
  deleteBeforeReplace: true,

  problems(inputs) {
    const { objectType, objects, schema, privileges } = grantOf(inputs);
    const badObject = objects.find((name) => nameProblem(name) !== undefined);
    return [
      ...nameProblems(inputs, ['role', 'database', 'schema']),
      ...objectTypeProblems(objectType, OBJECT_TYPES),
      ...privilegeProblems(objectType, privileges),
      ...(objectType === 'database' || schema !== undefined
        ? []
        : [{ property: 'schema', reason: `is missing: a grant on a ${objectType} needs one` }]),
      ...(objects.length > 0 && (objectType === 'database' || objectType === 'schema')
        ? [{ property: 'objects', reason: `cannot be given for a ${objectType}` }]
        : []),
      ...(badObject === undefined ? [] : [{ property: 'objects', reason: nameProblem(badObject) ?? '' }]),
    ];
  },

  id(properties) {
    const { role, objectType, schema = '', objects } = grantOf(properties);
    const place = objectType === 'database' ? [] : [schema];
    return [role, text(properties, 'database'), ...place, objectType, ...setOrder(objects)].join('_');
  },

  async ensure(session, wanted) {
    const database = text(wanted, 'database');
    await applyGrant(await session.client(database), grantOf(wanted), database);
  },

  async read(session, known, inputs) {
    const database = text(known, 'database');
    const client = await session.clientIfExists(database);
    // What is stored may be a difference found before: the declared privileges are what it has to be compared with.
    const declared = { ...known, privileges: inputs['privileges'] ?? known['privileges'] ?? null };
    return client === undefined ? undefined : readGrant(client, grantOf(declared), database);
  },

  async remove(session, known) {
    const database = text(known, 'database');
    const client = await session.clientIfExists(database);
    if (client !== undefined) await revokeGrant(client, grantOf(known), database);
  },
};

export function objectTypeProblems(
  objectType: string,
  known: readonly string[],
): { property: string; reason: string }[] {
  if (known.includes(objectType)) return [];
  return [{ property: 'objectType', reason: `is ${objectType}; the embedded engine applies ${known.join(', ')}` }];
}

export function privilegeProblems(
  objectType: ObjectType,
  privileges: readonly string[],
): { property: string; reason: string }[] {
  if (!OBJECT_TYPES.includes(objectType)) return [];
  const known = privilegesOn(objectType);
  return privileges
    .filter((privilege) => !known.includes(privilege))
    .map((privilege) => ({
      property: 'privileges',
      reason: `${privilege} is no privilege on a ${objectType}, expected ${known.join(', ')}`,
    }));
}
