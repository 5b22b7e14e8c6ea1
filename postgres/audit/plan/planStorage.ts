import { grantee, qualified, quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import type { Step } from '../../steps/step';
import type { AuditActual, RelationFacts } from '../catalog';
import { defaultSql, TRAIL_COLUMNS } from '../columns';
import { defaultPartitionName, searchIndexName, sequenceName, SUPPORT, trailNames } from '../names';
import { createIdSequence } from '../sql/identifier';
import { createSupport, createTrail, searchIndexSql, SUPPORT_TABLES } from '../sql/tables';
import { sameSet, step } from './step';

/** Owner role, schema, tables and what may be done with them. */
export function planStorage(spec: AuditSpec, actual: AuditActual): Step[] {
  return [
    ...planOwner(spec, actual),
    ...planSchema(spec, actual),
    ...planTrail(spec, actual),
    ...planSupport(spec, actual),
    ...planAccess(spec, actual),
  ];
}

function planOwner(spec: AuditSpec, { roles }: AuditActual): Step[] {
  const owner = roles.find(({ name }) => name === spec.owner);
  const name = quoteIdentifier(spec.owner);
  if (owner === undefined)
    return [step('create', `role ${spec.owner}`, 'owns the trail', [`CREATE ROLE ${name} NOLOGIN`])];
  if (!owner.login) return [];
  return [step('change', `role ${spec.owner}`, 'nobody logs in as the trail’s owner', [`ALTER ROLE ${name} NOLOGIN`])];
}

function planSchema(spec: AuditSpec, actual: AuditActual): Step[] {
  const { schema } = actual;
  const { schema: name } = trailNames(spec);
  const object = `schema ${spec.schema}`;
  const users = [...new Set([...spec.readers, ...(spec.loaders ?? [])])];
  const grant = (names: string[]): string[] =>
    names.length === 0 ? [] : [`GRANT USAGE ON SCHEMA ${name} TO ${names.map(grantee).join(', ')}`];
  if (schema === null) {
    const create = `CREATE SCHEMA ${name} AUTHORIZATION ${quoteIdentifier(spec.owner)}`;
    const others = actual.defaultGrantees.map(grantee).join(', ');
    const sql = [create, ...(others === '' ? [] : [`REVOKE ALL ON SCHEMA ${name} FROM ${others}`]), ...grant(users)];
    return [step('create', object, `owned by ${spec.owner}`, sql)];
  }
  const steps: Step[] = [];
  if (schema.owner !== spec.owner) {
    const sql = [`ALTER SCHEMA ${name} OWNER TO ${quoteIdentifier(spec.owner)}`];
    steps.push(step('change', object, `owner ${schema.owner} becomes ${spec.owner}`, sql));
  }
  const missing = users.filter((user) => !schema.usage.includes(user));
  if (missing.length > 0) steps.push(step('change', object, `usage for ${missing.join(', ')}`, grant(missing)));
  const extra = [...new Set([...schema.usage.filter((user) => !users.includes(user)), ...schema.create])];
  if (extra.length > 0) {
    const sql = [
      `REVOKE ALL ON SCHEMA ${name} FROM ${extra.map(grantee).join(', ')}`,
      ...grant(extra.filter((user) => users.includes(user))),
    ];
    steps.push(step('change', object, `nothing for ${extra.join(', ')}`, sql));
  }
  return steps;
}

function planTrail(spec: AuditSpec, actual: AuditActual): Step[] {
  const find = (name: string): RelationFacts | undefined => actual.relations.find((relation) => relation.name === name);
  const { trail, sequence, defaultPartition } = trailNames(spec);
  const object = `trail ${spec.schema}.${spec.table}`;
  const steps: Step[] = [];
  if (find(sequenceName(spec)) === undefined)
    steps.push(step('create', `sequence ${sequenceName(spec)}`, 'orders the rows', createIdSequence(sequence)));
  const table = find(spec.table);
  if (table === undefined)
    return [...steps, step('create', object, 'partitioned by month', createTrail(spec, actual.lz4))];
  const alter = (column: string, sql: string[]): number =>
    steps.push(
      step(
        'change',
        object,
        column,
        sql.map((clause) => `ALTER TABLE ${trail} ${clause}`),
      ),
    );
  for (const column of TRAIL_COLUMNS) {
    const found = table.columns.find(({ name }) => name === column.name);
    const name = quoteIdentifier(column.name);
    const value = defaultSql(column, sequence);
    const setDefault = value === '' ? [] : [`ALTER COLUMN ${name} SET${value}`];
    // Without the default at first: rows of before have none.
    if (found === undefined) alter(`column ${column.name}`, [`ADD COLUMN ${name} ${column.type}`, ...setDefault]);
    else if (value !== '' && !found.hasDefault) alter(`default of ${column.name}`, setDefault);
  }
  const index = table.indexes.find(({ name }) => name === searchIndexName(spec));
  if (index === undefined || !index.valid) {
    const sql = [`DROP INDEX IF EXISTS ${qualified(spec.schema, searchIndexName(spec))}`, searchIndexSql(spec)];
    steps.push(
      step(index === undefined ? 'create' : 'change', `index ${searchIndexName(spec)}`, 'finds a row’s history', sql),
    );
  }
  if (find(defaultPartitionName(spec)) === undefined) {
    const sql = [`CREATE TABLE ${defaultPartition} PARTITION OF ${trail} DEFAULT`];
    steps.push(
      step('create', `partition ${defaultPartitionName(spec)}`, 'no insert ever fails for want of a month', sql),
    );
  }
  return steps;
}

function planSupport(spec: AuditSpec, { relations }: AuditActual): Step[] {
  return SUPPORT_TABLES.flatMap((table) => {
    const object = `table ${table.name}`;
    const found = relations.find(({ name }) => name === table.name);
    if (found === undefined) return [step('create', object, table.detail, createSupport(spec, table))];
    return Object.entries(table.columns)
      .filter(([name]) => !found.columns.some((column) => column.name === name))
      .map(([name, definition]) =>
        step('change', object, `column ${name}`, [
          `ALTER TABLE ${qualified(spec.schema, table.name)} ADD COLUMN ${name} ${definition}`,
        ]),
      );
  });
}

/** Owner, grants and row security of everything in the schema that is the trail's. */
function planAccess(spec: AuditSpec, actual: AuditActual): Step[] {
  const readable = [spec.table, SUPPORT.audited, SUPPORT.chain, SUPPORT.horizon];
  const names = [...readable, SUPPORT.suspension, sequenceName(spec), defaultPartitionName(spec)];
  const partitions = actual.relations.filter(({ parent }) => parent === spec.table).map(({ name }) => name);
  return [...new Set([...names, ...partitions])].flatMap((name) => {
    const found = actual.relations.find((relation) => relation.name === name);
    const secured = name === spec.table || name === defaultPartitionName(spec) || partitions.includes(name);
    const desired = readable.includes(name) ? spec.readers.map((reader) => `${reader}:SELECT`) : [];
    const sql = accessSql(spec, actual, name, desired, secured);
    if (sql.length === 0) return [];
    const detail = `owned by ${spec.owner}${desired.length === 0 ? '' : `, read by ${spec.readers.join(', ')}`}, nobody else`;
    return [step(found === undefined ? 'create' : 'change', `access to ${name}`, detail, sql)];
  });
}

function accessSql(spec: AuditSpec, actual: AuditActual, name: string, desired: string[], secured: boolean): string[] {
  const found = actual.relations.find((relation) => relation.name === name);
  const object = qualified(spec.schema, name);
  const kind = name === sequenceName(spec) ? 'SEQUENCE' : 'TABLE';
  const sql: string[] = [];
  if (found?.owner !== spec.owner) sql.push(`ALTER ${kind} ${object} OWNER TO ${quoteIdentifier(spec.owner)}`);
  if (secured && found?.rowSecurity !== true) sql.push(`ALTER TABLE ${object} ENABLE ROW LEVEL SECURITY`);
  const grants = found?.grants ?? [];
  if (sameSet(grants, desired) && found !== undefined) return sql;
  const granted = grants.map((grant) => grant.slice(0, grant.lastIndexOf(':')));
  const strangers = [...new Set([...(found === undefined ? actual.defaultGrantees : granted), 'public'])];
  sql.push(`REVOKE ALL ON ${kind} ${object} FROM ${strangers.map(grantee).join(', ')}`);
  if (desired.length > 0) sql.push(`GRANT SELECT ON ${object} TO ${spec.readers.map(grantee).join(', ')}`);
  return sql;
}
