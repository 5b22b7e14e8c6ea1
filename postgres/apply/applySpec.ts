import type { Client } from 'pg';

import type { Problem } from '../../system/errors';
import { withClient } from '../connection/client';
import { withLock } from '../connection/locks';
import type { ConnectionTarget, DatabaseSpec } from '../spec';
import { Clock } from './clock';
import { bringUpDatabase } from './database';
import { extras } from './extras';
import { borrowMemberships, requirePowers } from './master';
import { applyObjects } from './objects';
import { type AppliedStep, Run } from './run';

export interface ApplyOptions {
  /** Aborted, nothing further begins: an `interrupted` PlatformError. */
  signal?: AbortSignal;
  /** As each step begins, and, for builds and migrations, while it goes on. */
  onProgress?: (text: string) => void;
  /** As each step ends. */
  onStep?: (step: AppliedStep) => void;
  /** Milliseconds since 1970 by which the run has ended: what may not fit is not begun, and what does not is stopped. Default: no limit. */
  deadline?: number;
  /** How long another run is waited for. Default a minute. */
  waitMs?: number;
}

export interface ApplyReport {
  /** In order; those without `actions` were as declared. */
  steps: AppliedStep[];
  migrations: { applied: string[]; pending: string[] };
  /** What was found beside the declaration and left alone, and what cannot be had here. */
  warnings: Problem[];
}

/** Whom to be: the administrator of the server, whom RDS calls master, or who logs in to migrate. */
export type Login = 'master' | 'migrator';

/**
 * Brings a server to the whole declaration: database, roles, settings at login, schemas, extensions, rights, migrations, indexes, trail. For a superuser
 * as for a master as RDS makes it (CREATEROLE and CREATEDB). What is as declared is left alone, so a second run changes nothing, and one that
 * was cut off anywhere is completed by the next. Runs take turns. Roles that log in become members of `rds_iam` where the server has that
 * role; passwords are not touched.
 * Errors: `time-limit`, `interrupted`, `lock-held` (locked), `master-powerless`, and those of what is applied.
 */
export async function applySpec(
  connect: (login: Login) => ConnectionTarget,
  spec: DatabaseSpec,
  options: ApplyOptions = {},
): Promise<ApplyReport> {
  const clock = new Clock(options.deadline);
  const run = new Run(clock, options);
  const master = { ...connect('master'), database: spec.name };
  try {
    await bringUpDatabase(run, master, spec);
    const warnings = await withClient(master, async (client) => {
      const stop = clock.guard(master, client);
      try {
        return await asOnly(client, clock, options, () => bringUp(run, client, master, connect, spec));
      } finally {
        stop();
      }
    });
    return { steps: run.steps, migrations: run.migrations, warnings: [...run.warnings, ...warnings] };
  } catch (error) {
    throw run.failure(error);
  }
}

/** One run at a time on a database. */
function asOnly<T>(client: Client, clock: Clock, options: ApplyOptions, work: () => Promise<T>): Promise<T> {
  const waitMs = Math.min(options.waitMs ?? 60_000, clock.remainingMs());
  return withLock(client, 'apply', 'this run', work, waitMs);
}

async function bringUp(
  run: Run,
  client: Client,
  master: ConnectionTarget,
  connect: (login: Login) => ConnectionTarget,
  spec: DatabaseSpec,
): Promise<Problem[]> {
  const powers = await requirePowers(client, spec.name);
  if (!powers.superuser)
    borrowMemberships(
      client,
      spec.roles.map(({ name }) => name),
    );
  const migrator = (): ConnectionTarget => ({ ...connect('migrator'), database: spec.name });
  await applyObjects({ run, client, master, migrator, spec, powers });
  return extras(client, spec);
}
