import { PlatformError } from '../../system/errors';
import type { RoleSpec } from '../spec';

/** Groups before their members; a role that is a member of an undeclared one (pg_monitor) needs nothing first. */
export function inOrderOfMembership(roles: readonly RoleSpec[]): RoleSpec[] {
  const byName = new Map(roles.map((role) => [role.name, role]));
  const ordered = new Set<RoleSpec>();
  const visit = (role: RoleSpec, path: readonly string[]): void => {
    if (ordered.has(role)) return;
    if (path.includes(role.name)) throw circle([...path, role.name]);
    for (const group of role.memberOf) {
      const declared = byName.get(group);
      if (declared !== undefined) visit(declared, [...path, role.name]);
    }
    ordered.add(role);
  };
  for (const role of roles) visit(role, []);
  return [...ordered];
}

function circle(path: readonly string[]): PlatformError {
  return new PlatformError(
    'roles-circular',
    `Roles are members of each other: ${path.join(' -> ')}.`,
    'Give each role below coach:roles a name of its own.',
    { kind: 'usage', object: path[0] ?? '' },
  );
}
