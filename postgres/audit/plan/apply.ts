import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError } from '../../../system/errors';
import { withLock } from '../../connection/locks';
import { SqlState } from '../../connection/sqlstate';
import type { AuditSpec } from '../../spec';
import { run } from '../../steps/converge';
import { isBusy, withShortLocks } from '../../steps/retry';
import type { Step } from '../../steps/step';
import { APPLYING_SETTING } from '../names';
import { type AuditPlan, planAudit, requireApplicable } from './plan';
import { planRemoval } from './planRemoval';
import { readAudit } from './readCatalog';

export interface ApplyOptions {
  /** How long one attempt waits for a lock, in ms. Default 2000: longer would make everybody else on the table wait with it. */
  lockTimeoutMs?: number;
  /** How long attempts go on, in ms. Default 30000. */
  waitMs?: number;
}

/** One trail at a time, whatever its schema: two may share tables. */
const LOCK = 'audit trail';

/**
 * Brings the trail to what is declared and returns the plan that was applied; its steps are empty where nothing was to do. One run at
 * a time; everything but the upkeep of partitions is one transaction, so no instant is without a trigger and a crash leaves what was.
 * PlatformErrors: those of `auditProblems` (refused), `lock-held` and `audit-busy` (locked), `audit-denied`.
 */
export async function bringUpAudit(client: Client, spec: AuditSpec, options: ApplyOptions = {}): Promise<AuditPlan> {
  return oneAtATime(client, 'the change of the audit trail', async () => {
    const plan = planAudit(spec, await readAudit(client, spec), new Date());
    requireApplicable(plan);
    await applyAudit(client, plan.steps, options);
    return plan;
  });
}

/** What takes a trail out of service: triggers, guards, job and functions go, the trail and its rows stay with their owner and readers. */
export async function removeAudit(client: Client, spec: AuditSpec): Promise<void> {
  await oneAtATime(client, 'the removal of the audit trail', async () =>
    applyAudit(client, planRemoval(spec, await readAudit(client, spec)), {}),
  );
}

const oneAtATime = <T>(client: Client, doing: string, work: () => Promise<T>): Promise<T> =>
  withLock(client, LOCK, doing, work, 10_000);

/** Runs the steps of a plan. Waits for no lock longer than asked, so that writers never queue up behind it; tries again instead. */
async function applyAudit(client: Client, steps: readonly Step[], options: ApplyOptions): Promise<void> {
  const { waitMs = 30_000, ...locks } = options;
  const [together, alone] = [
    steps.filter(({ phase }) => phase !== 'alone'),
    steps.filter(({ phase }) => phase === 'alone'),
  ];
  try {
    for (const group of [together, ...alone.map((one) => [one])])
      if (group.length > 0)
        await withShortLocks(client, { waitMs, ...locks }, async () => {
          await client.query(`SET LOCAL search_path = pg_catalog, pg_temp; SET LOCAL ${APPLYING_SETTING} = 'on'`);
          await run(client, group);
        });
  } catch (error) {
    throw isBusy(error) ? busy(error, waitMs) : denied(error);
  }
}

function busy(error: unknown, waitedMs: number): PlatformError {
  return new PlatformError(
    'audit-busy',
    `The audited tables are in use: no lock could be had within ${Math.round(waitedMs / 1000)} s. Nothing was changed.`,
    'Run it again when long transactions are over; pg_stat_activity (xact_start) names them.',
    { kind: 'locked', cause: error },
  );
}

function denied(error: unknown): unknown {
  if (codeOf(error) !== SqlState.insufficientPrivilege) return error;
  const reason = messageOf(error);
  return new PlatformError(
    'audit-denied',
    `The audit trail could not be changed: ${reason}`,
    'Connect as a superuser, or as a member of the trail’s owner and of the owners of the audited tables.',
    { cause: error },
  );
}
