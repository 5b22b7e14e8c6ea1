import { applyDefaultPrivileges, readDefaultPrivileges, revokeDefaultPrivileges } from '../../../postgres/roles/grants';
import { samePrivileges } from '../../../postgres/roles/privileges';
import { type DefaultPrivilegesSpec, SCHEMA_OBJECTS, type SchemaObject } from '../../../postgres/spec';
import type { Properties } from '../provider';
import { type Attribute, text, texts } from './attributes';
import { objectTypeProblems, privilegeProblems } from './grant';
import type { Kind } from './kind';
import { nameProblems } from './names';

const fixed: Attribute = { kind: 'text', input: 'required', replaces: true };

function defaultsOf(properties: Properties): DefaultPrivilegesSpec {
  return {
    owner: text(properties, 'owner'),
    role: text(properties, 'role'),
    schema: text(properties, 'schema'),
    objectType: text(properties, 'objectType') as SchemaObject,
    privileges: texts(properties, 'privileges'),
  };
}

export const defaultPrivileges: Kind = {
  attributes: {
    role: fixed,
    database: fixed,
    owner: fixed,
    objectType: fixed,
    schema: { kind: 'text', input: 'optional', absent: null, replaces: true },
    privileges: { kind: 'texts', input: 'required', absent: null },
    // Never declared; one given by hand is taken back in place.
    withGrantOption: { kind: 'flag', absent: false },
  },

  problems(inputs) {
    const { objectType, privileges } = defaultsOf(inputs);
    return [
      ...nameProblems(inputs, ['role', 'database', 'owner', 'schema']),
      ...objectTypeProblems(objectType, SCHEMA_OBJECTS),
      ...privilegeProblems(objectType, privileges),
    ];
  },

  id(properties) {
    const { role, schema, owner, objectType } = defaultsOf(properties);
    return [role, text(properties, 'database'), schema === '' ? 'noschema' : schema, owner, objectType].join('_');
  },

  async ensure(session, wanted) {
    await applyDefaultPrivileges(await session.client(text(wanted, 'database')), defaultsOf(wanted));
  },

  async read(session, known, inputs) {
    const client = await session.clientIfExists(text(known, 'database'));
    const spec = defaultsOf({ ...known, privileges: inputs['privileges'] ?? known['privileges'] ?? null });
    const found = client === undefined ? undefined : await readDefaultPrivileges(client, spec);
    // Like the real provider: none at all where some are declared means that they are gone.
    if (found === undefined || (found.privileges.length === 0 && spec.privileges.length > 0)) return undefined;
    const isWanted = samePrivileges(spec.objectType, spec.privileges, found.privileges);
    return { ...found, privileges: isWanted ? spec.privileges : found.privileges };
  },

  async remove(session, known) {
    const client = await session.clientIfExists(text(known, 'database'));
    if (client !== undefined) await revokeDefaultPrivileges(client, defaultsOf(known));
  },
};
