/** One change of a trail. `afterwards` runs in a transaction of its own, once everything else is committed. */
export interface AuditStep {
  action: 'create' | 'change' | 'remove';
  /** What is concerned, as a person would name it: `function maintain`, `table public.Student`. */
  object: string;
  /** Why, or what of it. */
  detail: string;
  sql: string[];
  phase: 'transaction' | 'afterwards';
}

export function step(
  action: AuditStep['action'],
  object: string,
  detail: string,
  sql: string[],
  phase: AuditStep['phase'] = 'transaction',
): AuditStep {
  return { action, object, detail, sql, phase };
}

export const sameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && [...one].sort().every((entry, index) => entry === [...other].sort()[index]);
