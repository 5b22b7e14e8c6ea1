import { applyDefaultPrivileges, applyGrant, readDefaultPrivileges, readGrant } from '../../../postgres/roles/grants';
import type { DefaultPrivilegesSpec, GrantSpec } from '../../../postgres/spec';
import type { Properties } from '../provider';
import { type Kind, text, texts } from './kind';

function grantOf(properties: Properties): GrantSpec {
  const schema = text(properties, 'schema');
  return {
    role: text(properties, 'role'),
    objectType: text(properties, 'objectType') as GrantSpec['objectType'],
    ...(schema === '' ? {} : { schema }),
    objects: texts(properties, 'objects'),
    privileges: texts(properties, 'privileges'),
  };
}

export const grant: Kind = {
  defaults: { withGrantOption: false },
  replaces: ['role', 'database', 'schema', 'objectType', 'objects'],
  inputs: ['role', 'database', 'schema', 'objectType', 'objects', 'privileges'],

  id(inputs) {
    const { role, objectType, schema, objects } = grantOf(inputs);
    const place = objectType === 'database' ? [] : [schema ?? ''];
    return [role, text(inputs, 'database'), ...place, objectType, ...objects].join('_');
  },

  async ensure(session, inputs) {
    const database = text(inputs, 'database');
    await applyGrant(await session.client(database), grantOf(inputs), database);
  },

  async read(session, known) {
    const database = text(known, 'database');
    const privileges = await readGrant(await session.client(database), grantOf(known), database);
    return privileges === undefined ? undefined : { ...known, privileges };
  },

  async remove(session, known) {
    const database = text(known, 'database');
    await applyGrant(await session.client(database), { ...grantOf(known), privileges: [] }, database);
  },
};

function defaultsOf(properties: Properties): DefaultPrivilegesSpec {
  return {
    owner: text(properties, 'owner'),
    role: text(properties, 'role'),
    schema: text(properties, 'schema'),
    objectType: text(properties, 'objectType') as DefaultPrivilegesSpec['objectType'],
    privileges: texts(properties, 'privileges'),
  };
}

export const defaultPrivileges: Kind = {
  defaults: { withGrantOption: false },
  replaces: ['role', 'database', 'schema', 'owner', 'objectType'],
  inputs: ['role', 'database', 'schema', 'owner', 'objectType', 'privileges'],

  id(inputs) {
    const { role, schema, owner, objectType } = defaultsOf(inputs);
    return [role, text(inputs, 'database'), schema, owner, objectType].join('_');
  },

  async ensure(session, inputs) {
    await applyDefaultPrivileges(await session.client(text(inputs, 'database')), defaultsOf(inputs));
  },

  async read(session, known) {
    const privileges = await readDefaultPrivileges(await session.client(text(known, 'database')), defaultsOf(known));
    return privileges === undefined ? undefined : { ...known, privileges };
  },

  async remove(session, known) {
    const nothing = { ...defaultsOf(known), privileges: [] };
    await applyDefaultPrivileges(await session.client(text(known, 'database')), nothing);
  },
};
