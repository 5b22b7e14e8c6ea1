import { quoteIdentifier, quoteLiteral } from '../../connection/quote';
import type { TargetConstraint, TargetIndex, TargetTable } from './tables';

/** Statements that take off a table what slows a load down or refuses its order, and that put it back as it was. */
export interface Rebuild {
  takeOff: string[];
  /** Indexes, keys and unique constraints, each by table. */
  indexes: { table: string; statements: string[] }[];
  foreignKeys: { table: string; name: string; statements: string[] }[];
  /** The application's triggers and rules. */
  triggers: string[];
}

/**
 * For tables whose rows are all loaded anew. Keys and indexes are made after the data, sorted instead of row by row; foreign keys are checked by one
 * join; the application's triggers, which have done their work where the rows were written first, do not fire. What somebody's view depends on stays.
 */
export function planRebuild(tables: readonly TargetTable[]): Rebuild {
  const rebuild: Rebuild = { takeOff: [], indexes: [], foreignKeys: [], triggers: [] };
  const foreignKeys = new Map<string, { table: string; constraint: TargetConstraint }>();
  for (const { qualified: table, constraints, referredBy } of tables) {
    const own = constraints.filter(({ type }) => type === 'f').map((constraint) => ({ table, constraint }));
    for (const each of [...own, ...referredBy]) foreignKeys.set(`${each.table} ${each.constraint.name}`, each);
  }
  for (const { table, constraint } of foreignKeys.values()) {
    rebuild.takeOff.push(`ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(constraint.name)}`);
    rebuild.foreignKeys.push({ table, name: constraint.name, statements: addForeignKey(table, constraint) });
  }
  for (const target of tables) {
    const { qualified: table, triggers, rules } = target;
    const indexes = rebuildable(target);
    for (const index of indexes) rebuild.takeOff.push(dropIndex(table, index));
    rebuild.indexes.push({ table, statements: indexes.flatMap((index) => addIndex(target, index)) });
    for (const [kind, all] of [
      ['TRIGGER', triggers],
      ['RULE', rules],
    ] as const) {
      for (const { name, enabled } of all) {
        rebuild.takeOff.push(`ALTER TABLE ${table} DISABLE ${kind} ${quoteIdentifier(name)}`);
        rebuild.triggers.push(`ALTER TABLE ${table} ENABLE ${MODES[enabled] ?? ''}${kind} ${quoteIdentifier(name)}`);
      }
    }
  }
  return rebuild;
}

const MODES: Readonly<Record<string, string>> = { R: 'REPLICA ', A: 'ALWAYS ' };

/** Of a partitioned table they belong to the partitions too; an invalid one is somebody's unfinished work. */
function rebuildable({ kind, indexes }: TargetTable): TargetIndex[] {
  return kind === 'table' ? indexes.filter(({ valid, needed }) => valid && !needed) : [];
}

const dropIndex = (table: string, { name, constraint }: TargetIndex): string =>
  constraint === null ? `DROP INDEX ${name}` : `ALTER TABLE ${table} DROP CONSTRAINT ${quoteIdentifier(constraint)}`;

function addIndex({ qualified: table, constraints }: TargetTable, index: TargetIndex): string[] {
  const { name, definition, comment, clustered, replicaIdentity, statistics } = index;
  const constraint = constraints.find((each) => each.name === index.constraint);
  const short = quoteIdentifier(constraint?.name ?? '');
  const statements =
    constraint === undefined
      ? [definition]
      : constraint.type === 'x' || definition.includes(' USING gist ')
        ? [`ALTER TABLE ${table} ADD CONSTRAINT ${short} ${constraint.definition}`]
        : [
            // Storage parameters stand in the index's definition alone.
            definition,
            `ALTER TABLE ${table} ADD CONSTRAINT ${short} ${constraint.type === 'p' ? 'PRIMARY KEY' : 'UNIQUE'} USING INDEX ${short}${deferral(constraint)}`,
          ];
  if (constraint !== undefined && constraint.comment !== null)
    statements.push(`COMMENT ON CONSTRAINT ${short} ON ${table} IS ${quoteLiteral(constraint.comment)}`);
  if (comment !== null) statements.push(`COMMENT ON INDEX ${name} IS ${quoteLiteral(comment)}`);
  for (const { column, target } of statistics)
    statements.push(`ALTER INDEX ${name} ALTER COLUMN ${column} SET STATISTICS ${target}`);
  if (index.tablespace !== null) {
    statements.unshift(`SET LOCAL default_tablespace = ${quoteIdentifier(index.tablespace)}`);
    statements.push(`SET LOCAL default_tablespace = ''`);
  }
  const bare = quoteIdentifier(index.bareName);
  if (clustered) statements.push(`ALTER TABLE ${table} CLUSTER ON ${bare}`);
  if (replicaIdentity) statements.push(`ALTER TABLE ${table} REPLICA IDENTITY USING INDEX ${bare}`);
  return statements;
}

const deferral = ({ definition }: TargetConstraint): string =>
  / DEFERRABLE( INITIALLY DEFERRED)?$/.exec(definition)?.[0] ?? '';

function addForeignKey(table: string, { name, definition, comment }: TargetConstraint): string[] {
  const validated = definition.replace(/ NOT VALID$/, '');
  const statements = [`ALTER TABLE ${table} ADD CONSTRAINT ${quoteIdentifier(name)} ${validated}`];
  if (comment !== null)
    statements.push(`COMMENT ON CONSTRAINT ${quoteIdentifier(name)} ON ${table} IS ${quoteLiteral(comment)}`);
  return statements;
}
