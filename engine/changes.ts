import type { Problem } from '../system/errors';

export type Operation = 'create' | 'update' | 'replace' | 'delete' | 'same' | 'read';

export interface PropertyChange {
  path: string;
  kind: 'add' | 'update' | 'delete';
  /** Secrets as `[secret]`, unknown values as `[unknown]`. */
  before?: unknown;
  after?: unknown;
}

export interface ResourceChange {
  urn: string;
  type: string;
  name: string;
  parent?: string;
  operation: Operation;
  changed: PropertyChange[];
  /** Properties that force a replacement. */
  replaces: string[];
  note?: string;
  durationMs?: number;
  error?: string;
}

export interface DeploymentResult {
  operation: 'up' | 'preview' | 'refresh' | 'destroy';
  changes: ResourceChange[];
  counts: Record<Operation, number>;
  outputs: Record<string, unknown>;
  durationMs: number;
  problems: Problem[];
}

export function countOperations(changes: readonly ResourceChange[]): Record<Operation, number> {
  const counts: Record<Operation, number> = { create: 0, update: 0, replace: 0, delete: 0, same: 0, read: 0 };
  for (const change of changes) if (change.error === undefined) counts[change.operation] += 1;
  return counts;
}
