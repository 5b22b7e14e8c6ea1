import type { Client } from 'pg';

import { Issues } from '../../../../postgres/transfer/load/issues';
import { planTransfer } from '../../../../postgres/transfer/plan';
import { schemaFor } from '../../../../postgres/transfer/schema/create';
import type { SchemaPlan } from '../../../../postgres/transfer/schema/plan';
import { openSource } from '../../../../postgres/transfer/source/open';
import { targetWith } from '../../../../postgres/transfer/target/begin';
import { readTarget } from '../../../../postgres/transfer/target/tables';
import { transfer } from '../../../../postgres/transfer/transfer';
import { type TransferResult } from '../../../../postgres/transfer/types';
import type { TimeUnit } from '../../../../postgres/transfer/values/units';
import { policies } from '../source';

export interface CreateOptions {
  schema: string;
  exclude?: string[];
  tables?: string[];
  casts?: Record<string, TimeUnit>;
  /** The plan alone. */
  dryRun?: boolean;
}

export interface Created {
  schema: SchemaPlan;
  /** `object: note` */
  notes: string[];
  result: TransferResult | undefined;
}

/** As the command does it with --create-schema: schema, plan, load and verification, as the superuser. */
export async function create(client: Client, file: string, given: CreateOptions): Promise<Created> {
  const options = { tables: [], exclude: [], casts: {}, owner: 'postgres', ...given };
  const target = { schema: given.schema, owner: 'postgres', trail: { schema: 'audit', tables: [] } };
  const source = openSource(file);
  try {
    const schema = schemaFor(source, await readTarget(client, given.schema, 'audit'), options);
    const notes = schema.notes.map(({ object, note }) => `${object}: ${note}`);
    if (given.dryRun === true || schema.problems.length > 0) return { schema, notes, result: undefined };
    const plan = planTransfer(source, await targetWith(client, target, schema), options);
    if (plan.problems.length > 0) throw new Error(plan.problems.map(({ message }) => message).join('\n'));
    const chosen = policies('fail');
    const settings = { policies: chosen, truncate: false, verify: true, issues: new Issues(chosen), schema };
    return { schema, notes, result: await transfer(client, source, plan, target, settings) };
  } finally {
    source.close();
  }
}
