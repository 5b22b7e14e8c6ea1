import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { CheckpointFile } from '../../../engine/state/checkpoint';
import {
  pendingError,
  pendingOperations,
  planPendingRepair,
  repairPending,
  settled,
} from '../../../engine/state/pending';
import { parseCheckpoint } from '../../../engine/state/readCheckpoint';

const ROLE = 'urn:pulumi:dev::proof::postgresql:index/role:Role::app';

/** Left by a Pulumi killed while it created a role. */
function killed(): CheckpointFile {
  return parseCheckpoint(readFileSync(join(__dirname, '../../fixtures/pulumi/checkpoint-killed.json'), 'utf8'));
}

function withPending(operations: { type: string; resource: Record<string, unknown> }[]): CheckpointFile {
  const file = killed();
  if (file.checkpoint.latest !== undefined) file.checkpoint.latest.pending_operations = operations;
  return file;
}

describe('pending operations', () => {
  it('are explained with their URNs and the repair', () => {
    const error = pendingError(killed(), '/state/dev.json');
    expect(error).toMatchObject({ code: 'operations-pending', kind: 'refused', object: '/state/dev.json' });
    expect(error?.message).toContain(`${ROLE}, interrupted while creating. It may or may not have been made.`);
    expect(error?.remedy).toContain('--repair-pending');
    expect(pendingError(repairPending(killed(), []), 'x')).toBeUndefined();
  });

  it('adopt what cannot be made twice under the name it would have', () => {
    const file = killed();
    const plan = planPendingRepair(file);
    expect(plan).toMatchObject([{ urn: ROLE, kind: 'creating', action: 'adopt', id: 'app', certain: true }]);
    expect(settled(file).file).toEqual(repairPending(file, plan));
    const repaired = repairPending(file, plan);
    expect(pendingOperations(repaired)).toEqual([]);
    expect(() => parseCheckpoint(JSON.stringify(repaired))).not.toThrow();
    const role = repaired.checkpoint.latest?.resources?.at(-1);
    expect(role).toMatchObject({ urn: ROLE, id: 'app', outputs: { id: 'app', name: 'app', login: true } });
    expect(role?.['outputs']).not.toHaveProperty('__defaults');
    expect(role?.['inputs']).toHaveProperty('__defaults');
    expect(file.checkpoint.latest?.pending_operations).toHaveLength(1);
  });

  it('forget what can be made again, and what is in the state anyway', () => {
    const stack = killed().checkpoint.latest?.resources?.[0] ?? {};
    const file = withPending([
      {
        type: 'creating',
        resource: { urn: 'urn:grant', custom: true, type: 'postgresql:index/grant:Grant', inputs: { role: 'app' } },
      },
      { type: 'creating', resource: { urn: 'urn:role', custom: true, type: 'postgresql:index/role:Role', inputs: {} } },
      {
        type: 'updating',
        resource: { urn: 'urn:one', custom: true, type: 'postgresql:index/role:Role', inputs: { name: 'one' } },
      },
      { type: 'deleting', resource: stack },
      { type: 'reading', resource: stack },
    ]);
    const plan = planPendingRepair(file);
    expect(plan.map(({ action }) => action)).toEqual(['forget', 'forget', 'forget', 'forget', 'forget']);
    const repaired = repairPending(file, plan);
    expect(repaired.checkpoint.latest?.resources).toEqual(killed().checkpoint.latest?.resources);
    expect(pendingOperations(repaired)).toEqual([]);
  });

  it('are left alone where only their provider knows whether they can be made again', () => {
    const file = withPending([
      { type: 'creating', resource: { urn: 'urn:bucket', custom: true, type: 'aws:s3/bucket:Bucket', inputs: {} } },
      { type: 'updating', resource: { urn: 'urn:other', custom: true, type: 'aws:s3/bucket:Bucket', inputs: {} } },
    ]);
    expect(planPendingRepair(file).map(({ certain }) => certain)).toEqual([false, true]);
    expect(settled(file)).toEqual({ file, repairs: [] });
  });

  it('never put a resource into the state a second time', () => {
    const file = killed();
    const pending = pendingOperations(file)[0];
    file.checkpoint.latest?.resources?.push({ ...pending?.resource, id: 'app' });
    expect(planPendingRepair(file)).toMatchObject([{ action: 'forget' }]);
  });
});
