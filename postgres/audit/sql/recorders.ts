import type { AuditSpec } from '../../spec';
import { defaultSql, TRAIL_COLUMNS } from '../columns';
import {
  CHANGED_MASK,
  type ChangeOperation,
  json,
  literal,
  MASK,
  SUSPENDED_SETTING,
  tableHash,
  textArray,
  trailNames,
  USER_SETTING,
} from '../names';
import type { Recording } from '../recording';
import { largeText, LONGEST_USER, UNCHECKED } from './bounds';

/*
 * The trigger functions of one table. They run as the trail's owner in the session of whoever changes the row, who chooses
 * search_path and every other setting. SET clauses would cost every change, so there are none; instead every function, type and
 * operator is written with its schema, and nothing that looks an operator up by itself (IN, BETWEEN, NULLIF, IS DISTINCT FROM,
 * CASE x WHEN, LIKE) is used. Rows are turned into JSON as a whole: a column added or dropped by a migration breaks nothing and is
 * recorded before the next `up`.
 */

const OP = {
  eq: 'OPERATOR(pg_catalog.=)',
  ne: 'OPERATOR(pg_catalog.<>)',
  gt: 'OPERATOR(pg_catalog.>)',
  get: 'OPERATOR(pg_catalog.->)',
  minus: 'OPERATOR(pg_catalog.-)',
  plus: 'OPERATOR(pg_catalog.+)',
  concat: 'OPERATOR(pg_catalog.||)',
  contains: 'OPERATOR(pg_catalog.@>)',
  sameImage: 'OPERATOR(pg_catalog.*=)',
} as const;

const setting = (name: string): string => `pg_catalog.current_setting(${literal(name)}, true)`;

/** The body of the function that records `operation` on the table. */
export function recorderBody(spec: AuditSpec, recording: Recording, operation: ChangeOperation): string {
  if (operation === 'TRUNCATE') return truncateBody(spec, recording);
  if (operation === 'UPDATE') return updateBody(spec, recording);
  return recording.level === 'statement'
    ? statementBody(spec, recording, operation)
    : rowBody(spec, recording, operation);
}

interface Variable {
  name: string;
  type: string;
}

function body(recording: Recording, variables: Variable[], statements: string[]): string {
  const { before, after, variables: saved } = settingsOf(recording);
  const declared = [...variables, ...saved].map(({ name, type }) => `  ${name} pg_catalog.${type};`);
  return (
    `\nDECLARE\n${declared.join('\n')}\nBEGIN\n` +
    [...statements.slice(0, -1), ...before, statements.at(-1) ?? '', ...after, 'RETURN NULL;']
      .map((statement) => statement.replace(/^/gm, '  '))
      .join('\n') +
    '\nEND\n'
  );
}

/** Settings on which the text of a value depends, set for the moment of recording where a column is of such a type. */
function settingsOf({ settings }: Recording): { variables: Variable[]; before: string[]; after: string[] } {
  const entries = Object.entries(settings);
  return {
    variables: entries.map((_, index) => ({ name: `setting_${index}`, type: 'text' })),
    before: entries.map(
      ([name, value], index) =>
        `IF pg_catalog.current_setting(${literal(name)}) ${OP.ne} ${literal(value)} THEN\n` +
        `  setting_${index} := pg_catalog.current_setting(${literal(name)});\n` +
        `  PERFORM pg_catalog.set_config(${literal(name)}, ${literal(value)}, true);\nEND IF;`,
    ),
    after: entries.map(
      ([name], index) =>
        `IF setting_${index} IS NOT NULL THEN PERFORM pg_catalog.set_config(${literal(name)}, setting_${index}, true); END IF;`,
    ),
  };
}

function suspendedCheck(spec: AuditSpec): string {
  return (
    `IF ${setting(SUSPENDED_SETTING)} IS NOT NULL THEN\n` +
    `  IF ${trailNames(spec).fn('is_suspended')}(TG_RELID) THEN RETURN NULL; END IF;\nEND IF;`
  );
}

const USER = `who := ${setting(USER_SETTING)};`;

/** After a transaction with SET LOCAL a setting of one's own reads '' for the rest of the session. */
const UNUSUAL_USER = `who ${OP.eq} '' OR pg_catalog.octet_length(who) ${OP.gt} ${LONGEST_USER}`;
const BOUND_USER =
  `who := CASE WHEN who ${OP.ne} '' THEN CASE WHEN pg_catalog.octet_length(who) ${OP.gt} ${LONGEST_USER} ` +
  `THEN ${largeText('who')} ELSE who END END;`;

/** Where no image is bounded with it. */
const READ_USER = `${USER}\nIF ${UNUSUAL_USER} THEN ${BOUND_USER} END IF;`;

/**
 * Bounds the images before anything is made of them: a key, compared and stored, is that of the bounded row. One test beside the user's, since
 * PostgreSQL prepares each expression of a function anew in each transaction.
 */
function boundImages(spec: AuditSpec, recording: Recording, ...images: string[]): string {
  const unbounded = isUnbounded(images);
  const bound = images.map((image) => `${image} := ${bounded(spec, recording, image)};`).join(' ');
  return (
    `IF ${UNUSUAL_USER} OR ${unbounded} THEN\n` + `  ${BOUND_USER}\n  IF ${unbounded} THEN ${bound} END IF;\nEND IF;\n`
  );
}

const keyOf = (recording: Recording, data: string): string =>
  `pg_catalog.jsonb_build_object(${recording.keyColumns
    .map((column) => `${literal(column)}, ${data} ${OP.get} ${literal(column)}`)
    .join(', ')})`;

/** Of a key of one column its value is hashed, which spares building the object twice; of several the object. */
const hashOf = (recording: Recording, data: string): string => {
  const [column, ...others] = recording.keyColumns;
  const hashed =
    column !== undefined && others.length === 0 ? `${data} ${OP.get} ${literal(column)}` : keyOf(recording, data);
  return `pg_catalog.jsonb_hash_extended(${hashed}, 0)`;
};

/** Columns that say which table it was, and their values. A partition's row is a row of the whole table. */
function tableColumns(recording: Recording): { columns: string; values: string } {
  if (!recording.family) return { columns: 'table_name, table_schema', values: 'TG_TABLE_NAME, TG_TABLE_SCHEMA' };
  const own =
    `TG_TABLE_NAME::pg_catalog.text ${OP.eq} ${literal(recording.table)} AND ` +
    `TG_TABLE_SCHEMA::pg_catalog.text ${OP.eq} ${literal(recording.schema)}`;
  const child = `CASE WHEN ${own} THEN NULL ELSE pg_catalog.format('%I.%I', TG_TABLE_SCHEMA, TG_TABLE_NAME) END`;
  return {
    columns: 'table_name, table_schema, child_table',
    values: `${literal(recording.table)}, ${literal(recording.schema)}, ${child}`,
  };
}

/** Whole row to JSON without what is not to be seen. `r.*`, since `r` alone would be a column of that name where there is one. */
function visible(recording: Recording, row: string): string {
  const whole = `pg_catalog.to_jsonb(${row})`;
  const unseen = [...recording.exclude, ...recording.absent];
  return unseen.length === 0 ? whole : `(${whole} ${OP.minus} ${textArray(unseen)})`;
}

const isUnbounded = (images: string[]): string =>
  `${images.map((image) => `pg_catalog.pg_column_size(${image})`).join(` ${OP.plus} `)} ${OP.gt} ${UNCHECKED}`;

const bounded = (spec: AuditSpec, recording: Recording, data: string): string =>
  `${trailNames(spec).fn('bounded')}(${data}, ${textArray(recording.keyColumns)})`;

function masked(recording: Recording, data: string): string {
  if (recording.redact.length === 0) return data;
  return `${data} ${OP.concat} ${json(Object.fromEntries(recording.redact.map((column) => [column, MASK])))}`;
}

/**
 * INSERT and DELETE as one statement over the transition table, which spares a function call for each row. Transition tables hold whole
 * statements, and nothing is joined, so key changes lose nothing. What is the same for each row is found out once.
 */
function statementBody(spec: AuditSpec, recording: Recording, operation: 'INSERT' | 'DELETE'): string {
  const session = TRAIL_COLUMNS.filter(({ perStatement }) => perStatement === true);
  const [transition, data] = operation === 'INSERT' ? ['new_rows', 'new_data'] : ['old_rows', 'old_data'];
  const { columns, values } = tableColumns(recording);
  return body(
    recording,
    [{ name: 'who', type: 'text' }, ...session.map(({ name, type }) => ({ name: `the_${name}`, type }))],
    [
      suspendedCheck(spec),
      READ_USER,
      ...session.map((column) => `the_${column.name} :=${defaultSql(column, '').replace(' DEFAULT', '')};`),
      `INSERT INTO ${trailNames(spec).trail} (operation, ${data}, user_id, ${columns}, key, key_hash, ${names(session, '')})\n` +
        `SELECT ${literal(operation)}, ${masked(recording, 'x.data')}, who, ${values}, ${keyOf(recording, 'x.data')}, ` +
        `${hashOf(recording, 'x.data')}, ${names(session, 'the_')}\n` +
        `  FROM (SELECT CASE WHEN ${isUnbounded(['y.data'])} THEN ${bounded(spec, recording, 'y.data')} ELSE y.data END AS data\n` +
        `          FROM (SELECT ${visible(recording, 'r.*')} AS data FROM ${transition} AS r OFFSET 0) AS y OFFSET 0) AS x;`,
    ],
  );
}

const names = (columns: readonly { name: string }[], prefix: string): string =>
  columns.map(({ name }) => `${prefix}${name}`).join(', ');

function rowBody(spec: AuditSpec, recording: Recording, operation: 'INSERT' | 'DELETE'): string {
  const [row, data] = operation === 'INSERT' ? ['NEW', 'new_data'] : ['OLD', 'old_data'];
  const { columns, values } = tableColumns(recording);
  return body(
    recording,
    [
      { name: 'who', type: 'text' },
      { name: 'content', type: 'jsonb' },
    ],
    [
      suspendedCheck(spec),
      USER,
      `content := ${visible(recording, row)};\n` +
        boundImages(spec, recording, 'content') +
        `INSERT INTO ${trailNames(spec).trail} (operation, ${data}, user_id, ${columns}, key, key_hash)\n` +
        `VALUES (${literal(operation)}, ${masked(recording, 'content')}, who, ${values}, ${keyOf(recording, 'content')}, ` +
        `${hashOf(recording, 'content')});`,
    ],
  );
}

/**
 * UPDATE a row at a time: pairing old and new rows of a transition table needs a join, whose cached plan turns quadratic, or loses rows whose
 * key changed. A row that is the same to the last byte, or in everything but excluded columns, is not recorded.
 */
function updateBody(spec: AuditSpec, recording: Recording): string {
  const { trail } = trailNames(spec);
  const { columns, values } = tableColumns(recording);
  const record =
    `before := ${visible(recording, 'OLD')};\nafter := ${visible(recording, 'NEW')};\n` +
    boundImages(spec, recording, 'before', 'after') +
    (recording.exclude.length > 0 ? unlessVisible(recording) : '') +
    maskUpdate(recording) +
    `identity := ${keyOf(recording, 'before')};\n` +
    `INSERT INTO ${trail} (operation, old_data, new_data, user_id, ${columns}, key, key_hash)\n` +
    `VALUES ('UPDATE', before, after, who, ${values}, identity, ${hashOf(recording, 'before')});\n` +
    // Under the new key a pointer to the old one: with it the row's history is found from either.
    `IF ${keyChanged(recording)} THEN\n` +
    `  INSERT INTO ${trail} (operation, marker, user_id, ${columns}, key, key_hash)\n` +
    `  VALUES ('KEY', pg_catalog.jsonb_build_object('from', identity), who, ${values}, ${keyOf(recording, 'after')}, ` +
    `${hashOf(recording, 'after')});\nEND IF;`;
  return body(
    recording,
    [
      { name: 'who', type: 'text' },
      { name: 'before', type: 'jsonb' },
      { name: 'after', type: 'jsonb' },
      { name: 'identity', type: 'jsonb' },
      ...(hasRedacted(recording) ? [{ name: 'mask', type: 'jsonb' }] : []),
    ],
    [`IF NEW ${OP.sameImage} OLD THEN RETURN NULL; END IF;`, suspendedCheck(spec), USER, record],
  );
}

/** Containment is one function call, and the same as equality while no part of the key is an object or an array. */
function keyChanged(recording: Recording): string {
  return recording.scalarKey ? `NOT (after ${OP.contains} identity)` : `${keyOf(recording, 'after')} ${OP.ne} identity`;
}

const hasRedacted = (recording: Recording): boolean => recording.redact.length > 0;

/** Nothing but hidden columns changed. A RETURN in the middle would leave changed settings behind, so they are set back first. */
function unlessVisible(recording: Recording): string {
  const leave = [...settingsOf(recording).after, 'RETURN NULL;'].join(' ');
  return (
    `IF after ${OP.eq} before THEN\n` +
    `  IF after::pg_catalog.text ${OP.eq} before::pg_catalog.text THEN ${leave} END IF;\nEND IF;\n`
  );
}

/** Of a redacted column the trail says whether it changed, never what it was, not even whether it was NULL. */
function maskUpdate(recording: Recording): string {
  if (!hasRedacted(recording)) return '';
  const says = recording.redact.map((column) => {
    const name = literal(column);
    const changed = `(after ${OP.get} ${name}) ${OP.ne} (before ${OP.get} ${name})`;
    return `${name}, CASE WHEN ${changed} THEN ${literal(CHANGED_MASK)} ELSE ${literal(MASK)} END`;
  });
  return (
    `mask := pg_catalog.jsonb_build_object(${says.join(', ')});\n` +
    `before := ${masked(recording, 'before')};\nafter := after ${OP.concat} mask;\n`
  );
}

/** Never suspended: a table that was emptied is said to be. */
function truncateBody(spec: AuditSpec, recording: Recording): string {
  const { columns, values } = tableColumns(recording);
  const hash = recording.family
    ? tableHash(literal(recording.schema), literal(recording.table))
    : tableHash('TG_TABLE_SCHEMA', 'TG_TABLE_NAME');
  const rows = `pg_catalog.jsonb_build_object('rowsAbout', pg_catalog.pg_stat_get_live_tuples(TG_RELID))`;
  return body(
    { ...recording, settings: {} },
    [{ name: 'who', type: 'text' }],
    [
      // BEFORE TRUNCATE the transaction may have no number yet; the chain counts on it being older than the recorded time.
      `PERFORM pg_catalog.txid_current();`,
      READ_USER,
      `INSERT INTO ${trailNames(spec).trail} (operation, user_id, ${columns}, marker, key_hash)\n` +
        `VALUES ('TRUNCATE', who, ${values}, ${rows}, ${hash});`,
    ],
  );
}
