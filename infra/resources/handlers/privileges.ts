import { applyPrivileges, privilegeSteps } from '../../../postgres/privileges/apply';
import type { PrivilegesSpec } from '../../../postgres/spec';
import { plannedHandler } from './planned';

/** The rights of every declared role, and of PUBLIC, exactly as declared. */
export const privileges = plannedHandler<PrivilegesSpec>({
  what: 'privileges',
  // A role that is no longer declared could not be dropped while it holds something.
  after: ({ roles = [] }, news) => ({ ...news, roles: [...new Set([...news.roles, ...roles])] }),
  steps: privilegeSteps,
  apply: applyPrivileges,
});
