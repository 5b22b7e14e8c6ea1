import { databaseSpec } from '../infra/config/databaseSpec';
import type { TransferTarget } from '../postgres/transfer/types';
import type { CommandContext } from './command';
import type { Stack } from './stack';

/** Where the application's tables are, and whose. */
export function transferTarget({ root }: CommandContext, stack: Stack): TransferTarget {
  const spec = databaseSpec(stack.settings, { projectRoot: root, machine: stack.machine });
  const { schema } = spec.migrations;
  return { schema, owner: spec.owner, trail: { schema: spec.audit.schema, tables: spec.audit.tables } };
}
