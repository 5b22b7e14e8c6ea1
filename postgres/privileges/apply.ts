import type { Client } from 'pg';

import type { PrivilegesSpec } from '../spec';
import { converge } from '../steps/converge';
import type { Step } from '../steps/step';
import { readPrivileges } from './catalog';
import { planPrivileges } from './plan';

export async function privilegeSteps(client: Client, spec: PrivilegesSpec): Promise<Step[]> {
  return planPrivileges(spec, await readPrivileges(client, spec));
}

/** Brings every declared role, and PUBLIC, to exactly the declared rights. */
export function applyPrivileges(client: Client, spec: PrivilegesSpec): Promise<readonly Step[]> {
  return converge(client, () => privilegeSteps(client, spec), 'Declaring privileges', spec.roles[0] ?? '');
}
