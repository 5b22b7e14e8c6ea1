import { qualified, quoteIdentifier } from '../../connection/quote';
import type { AuditSpec } from '../../spec';
import { defaultPartitionName, literal, searchIndexName, sequenceName, SUPPORT, trailNames } from '../names';
import type { AuditFunction } from '../sql/function';
import { createIdSequence } from '../sql/identifier';
import {
  addHashed,
  AUDITED_LATER,
  beginHashed,
  columnSql,
  createAudited,
  createChain,
  createSuspension,
  createTrail,
  endHashed,
  FORMER_HASHED,
  HASHED,
  searchIndexSql,
  trailColumns,
} from '../sql/tables';
import type { AuditActual, RelationFacts } from './catalog';
import { type AuditStep, sameSet, step } from './step';

const role = (name: string): string => (name === 'public' ? 'PUBLIC' : quoteIdentifier(name));

/** Owner role, schema, tables and what may be done with them. */
export function planStorage(spec: AuditSpec, actual: AuditActual): AuditStep[] {
  return [
    ...planOwner(spec, actual),
    ...planSchema(spec, actual),
    ...planTrail(spec, actual),
    ...planSupport(spec, actual),
    ...planAccess(spec, actual),
  ];
}

function planOwner(spec: AuditSpec, { roles }: AuditActual): AuditStep[] {
  const owner = roles.find(({ name }) => name === spec.owner);
  const name = quoteIdentifier(spec.owner);
  if (owner === undefined)
    return [step('create', `role ${spec.owner}`, 'owns the trail', [`CREATE ROLE ${name} NOLOGIN`])];
  if (!owner.login) return [];
  return [step('change', `role ${spec.owner}`, 'nobody logs in as the trail’s owner', [`ALTER ROLE ${name} NOLOGIN`])];
}

function planSchema(spec: AuditSpec, actual: AuditActual): AuditStep[] {
  const { schema } = actual;
  const { schema: name } = trailNames(spec);
  const object = `schema ${spec.schema}`;
  const users = [...new Set([...spec.readers, ...(spec.loaders ?? [])])];
  const grant = (names: string[]): string[] =>
    names.length === 0 ? [] : [`GRANT USAGE ON SCHEMA ${name} TO ${names.map(role).join(', ')}`];
  if (schema === null) {
    const create = `CREATE SCHEMA ${name} AUTHORIZATION ${quoteIdentifier(spec.owner)}`;
    const others = actual.defaultGrantees.map(role).join(', ');
    const sql = [create, ...(others === '' ? [] : [`REVOKE ALL ON SCHEMA ${name} FROM ${others}`]), ...grant(users)];
    return [step('create', object, `owned by ${spec.owner}`, sql)];
  }
  const steps: AuditStep[] = [];
  if (schema.owner !== spec.owner) {
    const sql = [`ALTER SCHEMA ${name} OWNER TO ${quoteIdentifier(spec.owner)}`];
    steps.push(step('change', object, `owner ${schema.owner} becomes ${spec.owner}`, sql));
  }
  const missing = users.filter((user) => !schema.usage.includes(user));
  if (missing.length > 0) steps.push(step('change', object, `usage for ${missing.join(', ')}`, grant(missing)));
  const extra = [...new Set([...schema.usage.filter((user) => !users.includes(user)), ...schema.create])];
  if (extra.length > 0) {
    const sql = [
      `REVOKE ALL ON SCHEMA ${name} FROM ${extra.map(role).join(', ')}`,
      ...grant(extra.filter((user) => users.includes(user))),
    ];
    steps.push(step('change', object, `nothing for ${extra.join(', ')}`, sql));
  }
  return steps;
}

function planTrail(spec: AuditSpec, actual: AuditActual): AuditStep[] {
  const find = (name: string): RelationFacts | undefined => actual.relations.find((relation) => relation.name === name);
  const { trail, sequence, defaultPartition } = trailNames(spec);
  const object = `trail ${spec.schema}.${spec.table}`;
  const steps: AuditStep[] = [];
  if (find(sequenceName(spec)) === undefined)
    steps.push(step('create', `sequence ${sequenceName(spec)}`, 'orders the rows', createIdSequence(sequence)));
  const table = find(spec.table);
  if (table === undefined)
    return [...steps, step('create', object, 'partitioned by month', createTrail(spec, actual.lz4))];
  for (const column of trailColumns(spec)) {
    const found = table.columns.find(({ name }) => name === column.name);
    if (found === undefined)
      steps.push(
        step('change', object, `column ${column.name}`, [`ALTER TABLE ${trail} ADD COLUMN ${columnSql(column)}`]),
      );
    else if (column.default !== undefined && !found.hasDefault)
      steps.push(
        step('change', object, `default of ${column.name}`, [
          `ALTER TABLE ${trail} ALTER COLUMN ${quoteIdentifier(column.name)} SET DEFAULT ${column.default}`,
        ]),
      );
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

function planSupport(spec: AuditSpec, { relations }: AuditActual): AuditStep[] {
  const has = (name: string): boolean => relations.some((relation) => relation.name === name);
  const steps: AuditStep[] = [];
  const audited = relations.find(({ name }) => name === SUPPORT.audited);
  if (audited === undefined)
    steps.push(step('create', `table ${SUPPORT.audited}`, 'what is audited', createAudited(spec)));
  else
    for (const { name, column } of AUDITED_LATER.filter((later) => !audited.columns.some((c) => c.name === later.name)))
      steps.push(
        step('change', `table ${SUPPORT.audited}`, `column ${name}`, [
          `ALTER TABLE ${trailNames(spec).audited} ADD COLUMN ${column}`,
        ]),
      );
  if (!has(SUPPORT.suspension))
    steps.push(step('create', `table ${SUPPORT.suspension}`, 'bulk work that is not recorded', createSuspension(spec)));
  const horizon = relations.find(({ name }) => name === SUPPORT.horizon);
  if (!has(SUPPORT.chain) || horizon === undefined)
    steps.push(step('create', `table ${SUPPORT.chain}`, 'links of the hash chains', createChain(spec)));
  else if (!horizon.columns.some(({ name }) => name === HASHED.name)) {
    const hasFormer = horizon.columns.some(({ name }) => name === FORMER_HASHED);
    const isOn = relations.some(({ triggers }) => triggers.some(({ name }) => name === 'hash_row'));
    steps.push(step('change', `table ${SUPPORT.horizon}`, `column ${HASHED.name}`, addHashed(spec, hasFormer, isOn)));
  }
  return steps;
}

/** Owner, grants and row security of everything in the schema that is the trail's. */
function planAccess(spec: AuditSpec, actual: AuditActual): AuditStep[] {
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
  sql.push(`REVOKE ALL ON ${kind} ${object} FROM ${strangers.map(role).join(', ')}`);
  if (desired.length > 0) sql.push(`GRANT SELECT ON ${object} TO ${spec.readers.map(role).join(', ')}`);
  return sql;
}

/** Row security refuses everybody by default, whatever is granted to them: the readers' policy is the only one. */
export function planPolicy(spec: AuditSpec, actual: AuditActual): AuditStep[] {
  const { trail } = trailNames(spec);
  const wanted = spec.readers.length > 0;
  const right = actual.policies.find(
    ({ name, relation, command, roles, using }) =>
      name === POLICY &&
      relation === spec.table &&
      command === 'SELECT' &&
      using === 'true' &&
      sameSet(roles, spec.readers),
  );
  const wrong = actual.policies.filter((policy) => policy !== right || !wanted);
  const steps = wrong.map(({ name, relation }) =>
    step('remove', `policy ${name} on ${relation}`, 'not declared', [
      `DROP POLICY ${quoteIdentifier(name)} ON ${qualified(spec.schema, relation)}`,
    ]),
  );
  if (right !== undefined || !wanted) return steps;
  const sql = [`CREATE POLICY ${POLICY} ON ${trail} FOR SELECT TO ${spec.readers.map(role).join(', ')} USING (true)`];
  return [...steps, step('create', `policy ${POLICY} on ${spec.table}`, `for ${spec.readers.join(', ')}`, sql)];
}
const POLICY = 'readers';

export function planFunctions(spec: AuditSpec, actual: AuditActual, desired: readonly AuditFunction[]): AuditStep[] {
  return desired.flatMap((wanted) => {
    const found = actual.functions.find(
      ({ name, arguments: types }) => name === wanted.name && types === wanted.arguments,
    );
    const owner = wanted.ownedBy === 'owner' ? spec.owner : actual.admin;
    const object = `function ${wanted.name}`;
    const identity = `${qualified(spec.schema, wanted.name)}(${wanted.arguments})`;
    const define =
      `CREATE OR REPLACE FUNCTION ${qualified(spec.schema, wanted.name)}(${wanted.declared ?? wanted.arguments}) RETURNS ${wanted.returns} ` +
      `LANGUAGE plpgsql ${wanted.definer ? 'SECURITY DEFINER ' : ''}${wanted.config.map(setClause).join('')}` +
      `AS ${literal(wanted.source)}`;
    const own = `ALTER FUNCTION ${identity} OWNER TO ${quoteIdentifier(owner)}`;
    const allow = [
      `REVOKE ALL ON FUNCTION ${identity} FROM ${[...new Set(['public', ...(found?.execute ?? actual.defaultGrantees)])].map(role).join(', ')}`,
      ...(wanted.execute.length === 0
        ? []
        : [`GRANT EXECUTE ON FUNCTION ${identity} TO ${wanted.execute.map(role).join(', ')}`]),
    ];
    if (found === undefined) return [step('create', object, `runs as ${owner}`, [define, own, ...allow])];
    const differs = [
      found.source === wanted.source ? '' : 'source',
      found.definer === wanted.definer && found.language === 'plpgsql' ? '' : 'security',
      sameSet(found.config, wanted.config) ? '' : 'settings',
    ].filter((part) => part !== '');
    const owned = found.owner === owner;
    const allowed = sameSet(found.execute, wanted.execute);
    if (differs.length === 0 && owned && allowed) return [];
    const what = [...differs, ...(owned ? [] : ['owner']), ...(allowed ? [] : ['privileges'])].join(', ');
    return [step('change', object, what, [...(differs.length > 0 ? [define] : []), ...(owned ? [] : [own]), ...allow])];
  });
}

/** A list of names is written as one, any other value as text. */
function setClause(entry: string): string {
  const [name = '', value = ''] = entry.split('=');
  return `SET ${name} = ${name === 'search_path' ? value : literal(value)} `;
}

/** Triggers on the trail's own tables. */
export function planOwnTriggers(spec: AuditSpec, actual: AuditActual): AuditStep[] {
  const { trail, suspension, fn } = trailNames(spec);
  const wanted: { on: string; name: string; sql: string; made?: string[] }[] = [
    {
      on: SUPPORT.suspension,
      name: 'resume',
      sql: `CREATE CONSTRAINT TRIGGER resume AFTER INSERT ON ${suspension} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ${fn('resume')}()`,
    },
    ...(spec.hashChain
      ? [
          {
            on: spec.table,
            name: 'hash_row',
            sql: `CREATE TRIGGER hash_row BEFORE INSERT ON ${trail} FOR EACH ROW EXECUTE FUNCTION ${fn('hash_row')}()`,
            made: [beginHashed(spec)],
          },
        ]
      : []),
  ];
  const present = actual.relations.flatMap(({ name: on, triggers }) => triggers.map((trigger) => ({ on, ...trigger })));
  const steps: AuditStep[] = [];
  for (const { on, name, enabled, function: runs } of present) {
    if (wanted.some((one) => one.on === on && one.name === name && runs === name && enabled === 'A')) continue;
    const sql = [`DROP TRIGGER ${quoteIdentifier(name)} ON ${qualified(spec.schema, on)}`];
    if (name === 'hash_row') sql.push(endHashed(spec));
    steps.push(step('remove', `trigger ${name} on ${on}`, 'not as declared', sql));
  }
  for (const { on, name, sql, made = [] } of wanted) {
    if (present.some((one) => one.on === on && one.name === name && one.function === name && one.enabled === 'A'))
      continue;
    const enable = `ALTER TABLE ${qualified(spec.schema, on)} ENABLE ALWAYS TRIGGER ${name}`;
    steps.push(step('create', `trigger ${name} on ${on}`, 'fires always', [sql, enable, ...made]));
  }
  return steps;
}
