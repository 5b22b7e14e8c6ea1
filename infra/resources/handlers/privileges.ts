import { applyPrivileges, privilegeSteps } from '../../../postgres/privileges/apply';
import type { PrivilegesSpec } from '../../../postgres/spec';
import { expected, isText, isTexts, plannedHandler } from './planned';

/** The rights of every declared role, and of PUBLIC, exactly as declared. */
export const privileges = plannedHandler<PrivilegesSpec>({
  what: 'privileges',
  failures: ({ roles, schemas, grants, defaultPrivileges, trail }) => [
    ...expected('roles', isTexts(roles), 'a list of role names'),
    ...expected('schemas', isTexts(schemas), 'a list of schemas'),
    ...expected('grants', Array.isArray(grants), 'a list of grants'),
    ...expected('defaultPrivileges', Array.isArray(defaultPrivileges), 'a list of default privileges'),
    ...expected('trail', isText(trail), 'a schema'),
  ],
  spec: ({ roles, schemas, grants, defaultPrivileges, trail }) => ({
    roles: [...roles],
    schemas: [...schemas],
    grants: grants.map(({ role, objectType, schema, objects, privileges: granted }) => ({
      role,
      objectType,
      ...(schema === undefined ? {} : { schema }),
      objects: [...objects],
      privileges: [...granted],
    })),
    defaultPrivileges: defaultPrivileges.map(({ owner, role, schema, objectType, privileges: granted }) => ({
      owner,
      role,
      schema,
      objectType,
      privileges: [...granted],
    })),
    trail,
  }),
  // A role that is no longer declared could not be dropped while it holds something.
  after: ({ roles = [] }, news) => ({ ...news, roles: [...new Set([...news.roles, ...roles])] }),
  steps: privilegeSteps,
  apply: applyPrivileges,
});
