import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Client } from 'pg';

import { databaseSpec } from '../../infra/config/databaseSpec';
import { withClient, withTransaction } from '../../postgres/connection/client';
import { Issues } from '../../postgres/transfer/load/issues';
import { loadTable } from '../../postgres/transfer/load/load';
import { planTransfer, type TablePlan } from '../../postgres/transfer/plan';
import { RefusedValues } from '../../postgres/transfer/refusals';
import { openSource, type Source } from '../../postgres/transfer/source/open';
import { actAsOwner, filledTables } from '../../postgres/transfer/target/begin';
import { readTarget } from '../../postgres/transfer/target/tables';
import type { CommandContext } from '../command';
import { databaseAccess } from '../databaseAccess';
import type { Stack } from '../stack';
import { readState } from '../stackState';
import { transferTarget } from '../transferTarget';
import { decompressSample, SAMPLE_FILE } from './file';

/** Whom a row refers to comes before it. */
const TABLES = ['User', 'Student', 'CompletedLesson', 'Assessment'];

export interface LoadedSample {
  table: string;
  rows: number;
}

/** Loads the sample, all or nothing; undefined where the tables are others than it was written for, or a migration has filled them. */
export async function loadSample(context: CommandContext, stack: Stack): Promise<LoadedSample[] | undefined> {
  const access = databaseAccess(stack, await readState(context, stack), 'connect');
  const folder = mkdtempSync(join(tmpdir(), 'coachdb-sample-'));
  try {
    const file = join(folder, 'sample.db');
    writeFileSync(file, decompressSample(readFileSync(join(context.root, SAMPLE_FILE))));
    const source = openSource(file);
    try {
      const loader = access.as(stack.settings.roles.loader.name);
      return await withClient(loader, (client) => loadFrom(context, stack, client, source));
    } finally {
      source.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function loadFrom(
  context: CommandContext,
  stack: Stack,
  client: Client,
  source: Source,
): Promise<LoadedSample[] | undefined> {
  const spec = databaseSpec(stack.settings, { projectRoot: context.root, machine: stack.machine });
  const target = transferTarget(spec);
  const { owner } = target;
  const targets = await readTarget(client, target.schema, target.trail.schema);
  const { tables, problems } = planTransfer(source, targets, { tables: [], exclude: [], casts: {}, owner });
  const ordered = TABLES.flatMap((name) => tables.filter((table) => table.source.name === name));
  if (problems.length > 0 || (await filledTables(client, ordered, owner)).length > 0) return undefined;
  const issues = new Issues(stack.settings.transfer.policies, () => undefined);
  return withTransaction(client, async () => {
    await actAsOwner(client, target, ordered, 'sample of a first start');
    const loaded = await loadInto(client, source, ordered, issues);
    context.signal.throwIfAborted();
    if (issues.refused > 0) throw new RefusedValues(issues);
    return loaded;
  });
}

/** Into tables with their indexes and references: for so few rows taking these off, as a transfer does, takes longer than the load. */
async function loadInto(
  client: Client,
  source: Source,
  tables: readonly TablePlan[],
  issues: Issues,
): Promise<LoadedSample[]> {
  const loaded: LoadedSample[] = [];
  for (const table of tables) {
    const { loaded: rows } = await loadTable(client, source, table, {
      issues,
      frozen: false,
      onRows: () => undefined,
    });
    loaded.push({ table: table.target.name, rows });
  }
  return loaded;
}
