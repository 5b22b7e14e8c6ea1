import { list, object, optional, record, required, section, setting, shorthand } from './schema';
import { flag, identifier, line, milliseconds, oneOf, parameterValue, roleName, sql, wholeNumber } from './values';

/** The schema of the application's tables. */
export const APPLICATION_SCHEMA = 'public';

export const names = list(identifier, { unique: [] });

export const extension = shorthand('name', {
  name: required(identifier, 'the extension', { change: 'created or dropped' }),
  schema: optional(identifier, 'the extension’s own choice', 'where its objects lie', { change: 'moved' }),
  version: optional(line('a version', 63), 'the newest installed', 'its version', { change: 'updated in place' }),
});

const columnName = sql('a column’s name, or an SQL expression together with expression: true');

const indexColumn = shorthand('name', {
  // An expression may be longer than a name and hold quotes.
  name: required(columnName, 'as in the catalog, unquoted'),
  expression: optional(flag, 'false', '`name` is an SQL expression'),
  order: optional(oneOf('asc', 'desc'), 'asc', 'the order of the keys'),
  nulls: optional(oneOf('first', 'last'), 'last for asc, first for desc', 'where NULLs lie'),
  opclass: optional(identifier, 'the type’s', 'operator class'),
  collation: optional(identifier, 'the column’s', 'collation'),
});

const inPlaceMostly = 'in place; `pages_per_range` and bloom’s: built anew';
const predicate = sql('an SQL condition without the word WHERE');
const storage = record(parameterValue, 'storage parameters');

export const index = object(
  {
    name: required(identifier, 'the index', { change: 'built under the new name' }),
    schema: setting(identifier, APPLICATION_SCHEMA, 'schema of the table', { change: 'built there' }),
    table: required(identifier, 'the table', { change: 'built there' }),
    columns: required(list(indexColumn, { atLeast: 1 }), 'what is indexed'),
    method: optional(identifier, 'btree', 'access method'),
    unique: optional(flag, 'false', 'no two rows alike'),
    nullsNotDistinct: optional(flag, 'false', 'NULLs count as alike'),
    include: optional(names, 'none', 'columns stored beside the keys'),
    predicate: optional(predicate, 'the whole table', 'rows that are indexed'),
    storage: optional(storage, 'the method’s', 'fillfactor, fastupdate, ...', { change: inPlaceMostly }),
    tablespace: optional(identifier, 'the database’s', 'tablespace'),
  },
  { change: 'built anew' },
);

const auditedTable = shorthand(
  'table',
  {
    schema: setting(identifier, APPLICATION_SCHEMA, 'schema of the table', { change: 'as the list' }),
    table: required(identifier, 'table; it needs a primary key', { change: 'as the list' }),
    exclude: setting(names, [], 'columns that are never recorded; a change of only these records nothing'),
    redact: setting(names, [], 'columns of which only the fact of a change is recorded'),
    enabled: setting(flag, true, 'false: nothing more is recorded'),
  },
  { change: 'in place, from then on' },
);

const auditedTables = list(auditedTable, { unique: ['schema', 'table'] });
const loaders = list(roleName, { unique: [] });
const unlessTrail = { change: 'refused while it holds a trail' };

export const audit = section(
  {
    schema: setting(identifier, 'audit', 'the trail’s own schema: Prisma does not look at it', unlessTrail),
    table: setting(identifier, 'audit_log', 'the trail’s table', unlessTrail),
    tables: setting(auditedTables, ['User', 'Student', 'CompletedLesson', 'Assessment'], 'whose changes are recorded', {
      change: 'triggers come and go; rows of the trail stay',
    }),
    loaders: setting(
      loaders,
      [],
      'roles beside `roles.loader` and superusers that may suspend the trail in a transaction, which is marked',
    ),
    retentionMonths: setting(wholeNumber(0, 1200, 'months'), 0, 'how much of the trail is kept; 0 keeps all', {
      change: 'older months are dropped',
    }),
    monthsAhead: setting(wholeNumber(1, 24, 'months'), 3, 'partitions made ahead'),
    hashChain: setting(flag, false, 'each partition’s rows linked by a hash chain', {
      change: 'in place, for rows from then on',
    }),
  },
  { change: 'in place' },
);

const applied = oneOf('always', 'initial');

/** `apply`: the default of the environment. */
export const migrations = (apply: 'always' | 'initial') =>
  section(
    {
      apply: setting(applied, apply, '`initial`: `up` migrates only a database without any', {
        change: 'at the next `up`',
      }),
      lockTimeoutMs: setting(milliseconds(0), 5_000, 'a statement waits for a lock; 0: for ever'),
      // Below the 15 minutes a Lambda lives.
      statementTimeoutMs: setting(milliseconds(0), 600_000, 'one statement may take; 0: no limit'),
    },
    { change: 'at the next migration' },
  );
