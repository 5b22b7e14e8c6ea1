import type { Client } from 'pg';

import { converge } from '../roles/converge';
import type { Step } from '../roles/planRole';
import type { PrivilegesSpec } from '../spec';
import { readPrivileges } from './catalog';
import { planPrivileges } from './plan';

export async function privilegeSteps(client: Client, spec: PrivilegesSpec): Promise<Step[]> {
  return planPrivileges(spec, await readPrivileges(client, spec));
}

/** Brings every declared role, and PUBLIC, to exactly the declared rights. */
export function applyPrivileges(client: Client, spec: PrivilegesSpec): Promise<void> {
  return converge(client, () => privilegeSteps(client, spec), 'Declaring privileges', spec.roles[0] ?? '');
}
