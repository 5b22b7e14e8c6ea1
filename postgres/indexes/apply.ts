import type { Client } from 'pg';

import { withTransaction } from '../connection/client';
import { SqlState, stateOf } from '../connection/sqlstate';
import type { ConnectionTarget } from '../spec';
import { readIndex } from './catalog';
import type { QualifiedName } from './description';
import { lockHolders, workError, type WorkPlace } from './failure';
import { type IndexProgress, watchBuild } from './progress';
import { isPassing, searchPathOf, withSettings } from './session';
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

/** Partitions were added while their siblings' indexes were built: the plan has to be made again. */
export class PartitionsChanged extends Error {}

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
      if (step.kind === 'transaction') await runTransaction(client, index, step, options);
      else for (const statement of step.statements) await runConcurrent(client, index, step, statement, options);
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
  const place = placeOf(index, step.statements.join('; '));
  const began = Date.now();
  const deadline = began + waitMs;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await withTransaction(client, async () => {
        await client.query(`SELECT set_config('lock_timeout', $1, true)`, [String(lockTimeoutMs)]);
        for (const statement of step.statements) await client.query(single(statement));
        if (step.mustBeValid === true && !(await isValid(client, step.index))) throw new PartitionsChanged();
      });
      return;
    } catch (error) {
      if (error instanceof PartitionsChanged) throw error;
      if (!isPassing(error)) throw workError(place, error);
      const holders = await lockHolders(client, place.table).catch(() => []);
      if (Date.now() >= deadline) throw workError(place, error, holders);
      const waitingFor = holders.length === 0 ? null : holders.join('; ');
      options.onProgress?.({
        index: step.index,
        phase: 'waiting for a lock',
        fraction: null,
        waitingFor,
        elapsedMs: Date.now() - began,
      });
      await pause(attempt, deadline);
    }
  }
}

/** Between attempts others get their turn: 0.1 s growing to 2 s, unevenly, so that two runs do not keep step. */
async function pause(attempt: number, deadline: number): Promise<void> {
  const longest = Math.min(2000, 100 * 2 ** Math.min(attempt, 5));
  const wait = Math.min(longest * (0.5 + Math.random() / 2), Math.max(0, deadline - Date.now()));
  await new Promise((resolve) => setTimeout(resolve, wait));
}

async function isValid(client: Client, index: QualifiedName): Promise<boolean> {
  return (await readIndex(client, index.schema, index.name))?.status.valid ?? false;
}

async function runConcurrent(
  client: Client,
  index: DeclaredIndex,
  step: IndexStep,
  statement: string,
  options: IndexWorkOptions,
): Promise<void> {
  const place = placeOf(index, statement);
  const stopWatching = await watch(client, step, options);
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.query(single(statement));
        return;
      } catch (error) {
        const blockers = isPassing(error) ? await lockHolders(client, place.table).catch(() => []) : [];
        // A failed concurrent build leaves an invalid index behind, which every write still has to keep up.
        if (step.action === 'build') await removeLeftover(client, step.index, options).catch(() => undefined);
        if (stateOf(error) !== SqlState.deadlockDetected || attempt >= DEADLOCK_ATTEMPTS) {
          throw workError(place, error, blockers);
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

function placeOf({ schema, name, table }: DeclaredIndex, statement: string): WorkPlace {
  return { index: { schema, name }, table: { schema, name: table }, statement };
}
