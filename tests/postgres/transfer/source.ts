import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import Database from 'libsql';
import type { Client } from 'pg';

import { type Issue, Issues } from '../../../postgres/transfer/load/issues';
import { planTransfer, type TransferOptions, type TransferPlan } from '../../../postgres/transfer/plan';
import { openSource, type Source } from '../../../postgres/transfer/source/open';
import { readTarget } from '../../../postgres/transfer/target/tables';
import { transfer } from '../../../postgres/transfer/transfer';
import { type Phase, type TransferResult } from '../../../postgres/transfer/types';
import { KINDS, type Policies, type Policy } from '../../../postgres/transfer/values/kinds';

/** A folder for SQLite files, and what makes and loads them; `remove` at the end. */
export class Sources {
  readonly folder = mkdtempSync(join(tmpdir(), 'coach-source-'));
  private count = 0;

  /** A database that these statements made, in a file of its own. */
  make(...statements: string[]): string {
    const file = join(this.folder, `source${++this.count}.db`);
    const database = new Database(file);
    for (const statement of statements) database.exec(statement);
    database.close();
    return file;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const policies = (policy: Policy, others: Partial<Policies> = {}): Policies => ({
  ...(Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, policy])) as Policies),
  ...others,
});

export interface LoadOptions extends Partial<TransferOptions> {
  policies?: Policies;
  truncate?: boolean;
  schema?: string;
  trail?: { schema: string; tables: { schema: string; table: string }[] };
  signal?: AbortSignal;
  lockWaitMs?: number;
  busyMs?: number;
  onPhase?: (phase: Phase) => void;
}

export interface LoadedSource extends TransferResult {
  plan: TransferPlan;
  issues: Issue[];
}

export async function planOf(client: Client, source: Source, options: LoadOptions = {}): Promise<TransferPlan> {
  const targets = await readTarget(client, options.schema ?? 'public', options.trail?.schema ?? 'audit');
  return planTransfer(source, targets, { tables: [], exclude: [], casts: {}, owner: 'postgres', ...options });
}

/** Plans and loads as the superuser, who owns the tables. */
export async function load(client: Client, file: string, options: LoadOptions = {}): Promise<LoadedSource> {
  const source = openSource(file, options.busyMs);
  try {
    const plan = await planOf(client, source, options);
    if (plan.problems.length > 0) throw new Error(plan.problems.map(({ message }) => message).join('\n'));
    const all: Issue[] = [];
    const chosen = options.policies ?? policies('fail');
    const issues = new Issues(chosen, (issue) => all.push(issue));
    const result = await transfer(
      client,
      source,
      plan,
      {
        schema: options.schema ?? 'public',
        owner: 'postgres',
        trail: options.trail ?? { schema: 'audit', tables: [] },
      },
      {
        policies: chosen,
        truncate: options.truncate ?? false,
        verify: true,
        issues,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(options.lockWaitMs === undefined ? {} : { lockWaitMs: options.lockWaitMs }),
        ...(options.onPhase === undefined ? {} : { onPhase: options.onPhase }),
      },
    );
    return { ...result, plan, issues: all };
  } finally {
    source.close();
  }
}
