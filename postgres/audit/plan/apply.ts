import type { Client } from 'pg';

import { codeOf, messageOf, PlatformError } from '../../../system/errors';
import { withTransaction } from '../../connection/client';
import { withLock } from '../../connection/locks';
import { qualified, quoteIdentifier } from '../../connection/quote';
import { SqlState } from '../../connection/sqlstate';
import type { AuditSpec } from '../../spec';
import { APPLYING_SETTING, cronJobName, guardNames, literal, SUPPORT } from '../names';
import { isOurs } from '../sql/functions';
import { type AuditPlan, planAudit, requireApplicable } from './plan';
import { readAudit } from './readCatalog';
import { type AuditStep, step } from './step';

export interface ApplyOptions {
  /** How long one attempt waits for a lock, in ms. Default 2000: longer would make everybody else on the table wait with it. */
  lockTimeoutMs?: number;
  /** Default 15. */
  attempts?: number;
  /** Between attempts, in ms. Default 1000. */
  pauseMs?: number;
}

/** One trail at a time, whatever its schema: two may share tables. */
const LOCK = 'audit trail';

/**
 * Brings the trail to what is declared and returns the plan that was applied; its steps are empty where nothing was to do. One run at
 * a time; everything but the upkeep of partitions is one transaction, so no instant is without a trigger and a crash leaves what was.
 * PlatformErrors: those of `auditProblems` (refused), `lock-held` and `audit-busy` (locked), `audit-denied`.
 */
export async function bringUpAudit(client: Client, spec: AuditSpec, options: ApplyOptions = {}): Promise<AuditPlan> {
  return withLock(
    client,
    LOCK,
    'the change of the audit trail',
    async () => {
      const plan = planAudit(spec, await readAudit(client, spec), new Date());
      requireApplicable(plan);
      await applyAudit(client, plan.steps, options);
      return plan;
    },
    10_000,
  );
}

/** Runs the steps of a plan. Waits for no lock longer than asked, so that writers never queue up behind it; tries again instead. */
export async function applyAudit(
  client: Client,
  steps: readonly AuditStep[],
  options: ApplyOptions = {},
): Promise<void> {
  const { lockTimeoutMs = 2000, attempts = 15, pauseMs = 1000 } = options;
  const inside = steps.filter(({ phase }) => phase === 'transaction').flatMap(({ sql }) => sql);
  const afterwards = steps.filter(({ phase }) => phase === 'afterwards').flatMap(({ sql }) => sql);
  for (const statements of [inside, ...afterwards.map((statement) => [statement])]) {
    for (let attempt = 1; statements.length > 0; attempt += 1) {
      try {
        await withTransaction(client, async () => {
          await prepare(client, lockTimeoutMs);
          for (const statement of statements) await client.query(statement);
        });
        break;
      } catch (error) {
        if (!isBusy(error)) throw denied(error);
        if (attempt >= attempts) throw busy(error, attempts * lockTimeoutMs);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  }
}

/** What takes a trail out of service: triggers, guards, job and functions go, the trail and its rows stay with their owner and readers. */
export async function removeAudit(client: Client, spec: AuditSpec, options: ApplyOptions = {}): Promise<AuditStep[]> {
  return withLock(
    client,
    LOCK,
    'the removal of the audit trail',
    async () => {
      const steps = await removalSteps(client, spec);
      await applyAudit(client, steps, options);
      return steps;
    },
    10_000,
  );
}

async function removalSteps(client: Client, spec: AuditSpec): Promise<AuditStep[]> {
  const actual = await readAudit(client, spec);
  if (actual.schema === null) return [];
  const guards = Object.values(guardNames(spec)).filter((name) =>
    actual.eventTriggers.some((found) => found.name === name),
  );
  const triggers = actual.tables.flatMap(({ schema, table, triggers: all }) =>
    all
      .filter((trigger) => trigger.function.startsWith(`${spec.schema}.`))
      .map(({ name }) => `DROP TRIGGER ${quoteIdentifier(name)} ON ${qualified(schema, table)}`),
  );
  const own = actual.relations.flatMap(({ name: on, triggers: all }) =>
    all.map(({ name }) => `DROP TRIGGER ${quoteIdentifier(name)} ON ${qualified(spec.schema, on)}`),
  );
  const functions = actual.functions
    .filter(({ name }) => isOurs(name))
    .map(({ name, arguments: types }) => `DROP FUNCTION ${qualified(spec.schema, name)}(${types})`);
  const job =
    actual.cron?.job === null || actual.cron === null ? [] : [`SELECT cron.unschedule(${literal(cronJobName(spec))})`];
  return [
    step(
      'remove',
      'event triggers',
      'no longer guarded',
      guards.map((name) => `DROP EVENT TRIGGER ${quoteIdentifier(name)}`),
    ),
    step('remove', 'triggers', 'nothing more is recorded', [...triggers, ...own]),
    step(
      'remove',
      'list entries',
      'nothing is audited',
      actual.audited.length > 0 ? [`DELETE FROM ${qualified(spec.schema, SUPPORT.audited)}`] : [],
    ),
    step('remove', 'functions', 'unused', functions),
    step('remove', 'job', 'unscheduled', job),
  ].filter(({ sql }) => sql.length > 0);
}

async function prepare(client: Client, lockTimeoutMs: number): Promise<void> {
  await client.query(`SET LOCAL search_path = pg_catalog, pg_temp`);
  await client.query(`SELECT set_config('lock_timeout', $1, true), set_config($2, 'on', true)`, [
    `${lockTimeoutMs}ms`,
    APPLYING_SETTING,
  ]);
}

const BUSY = new Set<string | undefined>([SqlState.lockNotAvailable, SqlState.deadlockDetected]);
const isBusy = (error: unknown): boolean => BUSY.has(codeOf(error));

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
