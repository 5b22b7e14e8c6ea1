import type { DatabaseSpec } from '../infra/config/databaseSpec';
import type { TransferTarget } from '../postgres/transfer/types';

/** Where the application's tables are, and whose. */
export const transferTarget = ({ migrations, owner, audit }: DatabaseSpec): TransferTarget => ({
  schema: migrations.schema,
  owner,
  trail: { schema: audit.schema, tables: audit.tables },
});
