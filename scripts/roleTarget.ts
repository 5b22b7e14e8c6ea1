import { Option } from 'commander';

import { loginRoles } from '../infra/config/databaseSpec';
import type { ConnectionTarget } from '../postgres/spec';
import { PlatformError } from '../system/errors';
import { databaseAccess } from './databaseAccess';
import { adminLogin } from './passwords';
import type { Stack } from './stack';
import type { StackState } from './stackState';

/** `--role R` of the commands that log in as somebody. */
export const ROLE = (description: string): Option => new Option('--role <role>', description);

/** Where a role of the stack logs in: one of the roles that have a password, or the server's administrator. */
export function targetOf(
  stack: Stack,
  state: StackState | undefined,
  role: string,
  purpose: 'connect' | 'tell',
): ConnectionTarget {
  const access = databaseAccess(stack, state, purpose);
  const names = loginRoles(stack.settings);
  if (names.includes(role)) return access.as(role);
  const admin = state === undefined ? undefined : adminLogin(state)?.target;
  if (admin !== undefined && role === admin.user) return { ...admin, database: access.database };
  if (admin !== undefined) names.push(admin.user);
  else if (role === access.adminUser) return access.as(role);
  else names.push(access.adminUser);
  throw new PlatformError(
    'role-unknown',
    `--role ${role}: nobody of that name logs in to stack ${stack.name}.`,
    `Give one of ${names.join(', ')}.`,
    { kind: 'usage', object: role },
  );
}
