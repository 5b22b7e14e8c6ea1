import type { Client } from 'pg';

import { codeOf } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import type { ConnectionTarget } from '../spec';
import { isBusy, withShortLocks } from '../steps/retry';
import { readIndex } from './catalog';
import type { QualifiedName } from './description';
import { type IndexWork, lockHolders, workError } from './failure';
import { type IndexProgress, watchBuild } from './progress';
import { searchPathOf, withSettings } from './session';
import { dropIndexSql } from './statement';
import type { IndexStep } from './step';

export interface IndexWorkOptions {
  /** The role that owns the table, by SET ROLE; default: the login role. */
  role?: string;
  /** What one attempt at a short step waits for a lock, and so the longest anybody is made to wait. Default 2000 ms. */
  lockTimeoutMs?: number;
  /** How long short steps are tried again, and how long another run on the same table is waited for. Default 10 minutes. */
  waitMs?: number;
  /** What one statement of a build or a concurrent drop may take. Default 6 hours. */
  buildTimeoutMs?: number;
  /** How long a build waits for one older transaction; waiting blocks nobody. Default 30 minutes. */
  transactionWaitMs?: number;
  /** Progress of each build, at least every half second; needs `watch`. */
  onProgress?: (progress: IndexProgress) => void;
  /** Where the second connection for progress goes. */
  watch?: ConnectionTarget;
  /** Before each step. */
  onStep?: (step: IndexStep) => void;
}

export interface DeclaredIndex extends QualifiedName {
  table: string;
}

const DEADLOCK_ATTEMPTS = 3;

/**
 * Runs a plan's steps. Everything is found again by name and definition, so after a failure or a kill at any point the next plan
 * goes on from what is there. Throws a PlatformError that names index, table and remedy; an index this run left half-built is
 * dropped where the connection still allows.
 */
export async function applyIndexSteps(
  client: Client,
  index: DeclaredIndex,
  steps: readonly IndexStep[],
  options: IndexWorkOptions = {},
): Promise<void> {
  const { buildTimeoutMs = 6 * 3_600_000, transactionWaitMs = 30 * 60_000 } = options;
  const settings = {
    search_path: searchPathOf(index.schema),
    default_tablespace: '',
    statement_timeout: buildTimeoutMs,
    lock_timeout: transactionWaitMs,
  };
  await withSettings(client, settings, async () => {
    for (const step of steps) {
      options.onStep?.(step);
      if (step.phase === 'transaction') await runTransaction(client, index, step, options);
      else for (const statement of step.sql) await runConcurrent(client, index, step, statement, options);
    }
  });
}

/** The extended protocol takes one statement only, whatever stands in an expression. */
function single(text: string): { text: string } {
  const query = { text, queryMode: 'extended' };
  return query;
}

async function runTransaction(
  client: Client,
  index: DeclaredIndex,
  step: IndexStep,
  options: IndexWorkOptions,
): Promise<void> {
  const { lockTimeoutMs = 2000, waitMs = 600_000 } = options;
  const work = workOn(index, step.sql.join('; '));
  const waiting = async (elapsedMs: number): Promise<void> => {
    const holders = await lockHolders(client, work.table).catch(() => []);
    const waitingFor = holders.length === 0 ? null : holders.join('; ');
    options.onProgress?.({ index: step.index, phase: 'waiting for a lock', fraction: null, waitingFor, elapsedMs });
  };
  try {
    await withShortLocks(client, { lockTimeoutMs, waitMs, onBusy: waiting }, async () => {
      for (const statement of step.sql) await client.query(single(statement));
    });
  } catch (error) {
    const holders = isBusy(error) ? await lockHolders(client, work.table).catch(() => []) : [];
    throw workError(work, error, holders);
  }
}

async function runConcurrent(
  client: Client,
  index: DeclaredIndex,
  step: IndexStep,
  statement: string,
  options: IndexWorkOptions,
): Promise<void> {
  const work = workOn(index, statement);
  const stopWatching = await watch(client, step, options);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.query(single(statement));
        return;
      } catch (error) {
        const blockers = isBusy(error) ? await lockHolders(client, work.table).catch(() => []) : [];
        // A failed concurrent build leaves an invalid index behind, which every write still has to keep up.
        if (step.action === 'build') await removeLeftover(client, step.index, options).catch(() => undefined);
        if (codeOf(error) !== SqlState.deadlockDetected || attempt >= DEADLOCK_ATTEMPTS) {
          throw workError(work, error, blockers);
        }
      }
    }
  } finally {
    await stopWatching();
  }
}

async function removeLeftover(client: Client, index: QualifiedName, options: IndexWorkOptions): Promise<void> {
  const left = await readIndex(client, index.schema, index.name);
  if (left === undefined || left.status.valid) return;
  await withSettings(client, { lock_timeout: options.lockTimeoutMs ?? 2000 }, () =>
    client.query(dropIndexSql(index, true)),
  );
}

async function watch(client: Client, step: IndexStep, options: IndexWorkOptions): Promise<() => Promise<void>> {
  const { onProgress, watch: target } = options;
  if (onProgress === undefined || target === undefined || step.action !== 'build') return () => Promise.resolve();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = rows[0]?.pid ?? 0;
  return watchBuild(target, pid, step.index, onProgress);
}

function workOn({ schema, name, table }: DeclaredIndex, statement: string): IndexWork {
  return { index: { schema, name }, table: { schema, name: table }, statement };
}
