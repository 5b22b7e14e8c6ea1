import type { ExtensionSpec, IndexColumn, IndexSpec, ParameterValue } from '../../postgres/spec';
import { secret, sslMode } from './access';
import { APPLICATION_SCHEMA } from './defaults';
import { isPlainObject, type Plain } from './plain';
import { type Reader, scalar } from './reader';
import {
  absolutePath,
  accountName,
  cron,
  databaseName,
  either,
  flag,
  folder,
  hostName,
  identifier,
  line,
  milliseconds,
  oneOf,
  port,
  roleName,
  sql,
  wholeNumber,
} from './scalars';
import type { AuditedTableSettings, SchemaGrantSettings, SchemaSettings, Settings } from './settings';
import { list, object, optional, record, required, section, setting, shorthand } from './structures';

/** A parameter's value as YAML holds it; a list becomes PostgreSQL's own, items quoted where they need it. */
const parameterValue: Reader<ParameterValue> = scalar(
  'a text, a number, true or false, or a list of texts',
  (value) => {
    if (Array.isArray(value)) {
      const items = value.map((item) => (typeof item === 'string' ? item : undefined));
      return items.includes(undefined)
        ? undefined
        : items.map((item = '') => (/[",\s]|^$/.test(item) ? `"${item.replaceAll('"', '""')}"` : item)).join(', ');
    }
    return value === null || isPlainObject(value) ? undefined : value;
  },
);

const anything: Reader<Plain> = { expected: 'any JSON', read: (value) => value, paths: (path) => [path] };

const storageValue: Reader<ParameterValue> = scalar('a text, a number, true or false', (value) =>
  typeof value === 'object' ? undefined : value,
);

const extension: Reader<ExtensionSpec> = shorthand(
  identifier,
  (name): ExtensionSpec => ({ name }),
  object({ name: required(identifier), schema: optional(identifier), version: optional(line('a version', 63)) }),
);

const names = list(identifier, { unique: (name) => name });

const schemaGrant: Reader<SchemaGrantSettings> = object({
  role: required(roleName),
  objectType: required(oneOf('schema', 'table', 'sequence', 'function')),
  objects: setting(names, []),
  privileges: required(list(line('a privilege (SELECT)', 63), { unique: (privilege) => privilege, atLeast: 1 })),
});

const schema: Reader<SchemaSettings> = object({
  name: required(identifier),
  owner: optional(roleName),
  grants: setting(list(schemaGrant), []),
});

const indexColumn: Reader<IndexColumn> = shorthand(
  identifier,
  (name): IndexColumn => ({ name }),
  object({
    // An expression may be longer than a name and hold quotes.
    name: required(sql('a column’s name, or an SQL expression together with expression: true')),
    expression: optional(flag),
    order: optional(oneOf('asc', 'desc')),
    nulls: optional(oneOf('first', 'last')),
    opclass: optional(identifier),
    collation: optional(identifier),
  }),
);

const index: Reader<IndexSpec> = object({
  name: required(identifier),
  schema: setting(identifier, APPLICATION_SCHEMA),
  table: required(identifier),
  columns: required(list(indexColumn, { atLeast: 1 })),
  method: optional(identifier),
  unique: optional(flag),
  nullsNotDistinct: optional(flag),
  include: optional(names),
  predicate: optional(sql('an SQL condition without the word WHERE')),
  storage: optional(record(storageValue, 'storage parameters')),
  tablespace: optional(identifier),
});

const auditedTable: Reader<AuditedTableSettings> = shorthand(
  identifier,
  (table): AuditedTableSettings => ({ schema: APPLICATION_SCHEMA, table, exclude: [], redact: [], enabled: true }),
  object({
    schema: setting(identifier, APPLICATION_SCHEMA),
    table: required(identifier),
    exclude: setting(names, []),
    redact: setting(names, []),
    enabled: setting(flag, true),
  }),
);

const schedule = either(['never'], cron);

const days = wholeNumber(1, 3650, 'days');

const seconds = wholeNumber(1, 3600, 'seconds');

const groupRole = (defaults: { name: string }): Reader<{ name: string }> =>
  object({ name: setting(roleName, defaults.name) });

const loginRole = (defaults: {
  name: string;
  connectionLimit: number;
}): Reader<{ name: string; connectionLimit: number }> =>
  object({
    name: setting(roleName, defaults.name),
    connectionLimit: setting(wholeNumber(-1, 262_143, 'connections (-1: no limit)'), defaults.connectionLimit),
  });

const instanceClass: Reader<string> = scalar('an RDS instance class (db.t4g.medium)', (value) =>
  typeof value === 'string' && /^db\.[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}$/.test(value) ? value : undefined,
);

/** All settings but the stack's name and environment, with the defaults that hold where the file says nothing. */
export function settingsReader(defaults: Settings): Reader<Omit<Settings, 'stack'>> {
  const { server, database, roles, audit, migrations, pool, backup, monitoring } = defaults;
  return object({
    environment: setting(oneOf('local', 'dev', 'prod'), defaults.environment),
    server: section(
      object({
        port: setting(either(['auto'], port), server.port),
        binaries: setting(either(['auto', 'installed', 'embedded'], absolutePath), server.binaries),
        account: optional(accountName),
        dataDirectory: optional(absolutePath),
        instanceClass: optional(instanceClass, server.instanceClass),
      }),
    ),
    database: section(
      object({
        name: setting(databaseName, database.name),
        adminUser: setting(roleName, database.adminUser),
        access: setting(oneOf('direct', 'function'), database.access),
        host: optional(hostName, database.host),
        port: optional(port, database.port),
        sslMode: optional(sslMode),
        caFile: optional(line('a file, absolute or below the project', 4096)),
        adminPassword: optional(secret),
      }),
    ),
    tuning: setting(oneOf('explicit', 'auto'), defaults.tuning),
    parameters: setting(record(parameterValue, 'PostgreSQL parameters'), defaults.parameters),
    roles: section(
      object({
        owner: section(groupRole(roles.owner)),
        migrator: section(loginRole(roles.migrator)),
        application: section(loginRole(roles.application)),
        readOnly: section(loginRole(roles.readOnly)),
        monitor: section(loginRole(roles.monitor)),
        auditor: section(loginRole(roles.auditor)),
        auditOwner: section(groupRole(roles.auditOwner)),
      }),
    ),
    schemas: setting(list(schema, { unique: ({ name }) => name }), defaults.schemas),
    extensions: setting(list(extension, { unique: ({ name }) => name }), defaults.extensions),
    indexes: setting(list(index, { unique: ({ schema, name }) => `${schema}.${name}` }), defaults.indexes),
    audit: section(
      object({
        schema: setting(identifier, audit.schema),
        table: setting(identifier, audit.table),
        tables: setting(list(auditedTable, { unique: ({ schema, table }) => `${schema}.${table}` }), audit.tables),
        loaders: setting(list(roleName, { unique: (name) => name }), audit.loaders),
        retentionMonths: setting(wholeNumber(0, 1200, 'months'), audit.retentionMonths),
        monthsAhead: setting(wholeNumber(1, 24, 'months'), audit.monthsAhead),
        hashChain: setting(flag, audit.hashChain),
      }),
    ),
    migrations: section(
      object({
        apply: setting(oneOf('always', 'initial'), migrations.apply),
        lockTimeoutMs: setting(milliseconds(0), migrations.lockTimeoutMs),
        statementTimeoutMs: setting(milliseconds(0), migrations.statementTimeoutMs),
      }),
    ),
    app: section(object({ directory: optional(folder) })),
    pool: section(
      object({
        min: setting(wholeNumber(0, 10_000, 'connections'), pool.min),
        max: setting(wholeNumber(1, 10_000, 'connections'), pool.max),
        acquireTimeoutMs: setting(milliseconds(1), pool.acquireTimeoutMs),
        createTimeoutMs: setting(milliseconds(1), pool.createTimeoutMs),
        createRetryIntervalMs: setting(milliseconds(1), pool.createRetryIntervalMs),
        destroyTimeoutMs: setting(milliseconds(1), pool.destroyTimeoutMs),
        idleTimeoutMs: setting(milliseconds(0), pool.idleTimeoutMs),
        reapIntervalMs: setting(milliseconds(1), pool.reapIntervalMs),
      }),
    ),
    backup: section(
      object({
        enabled: setting(flag, backup.enabled),
        retentionDays: setting(days, backup.retentionDays),
        compress: setting(flag, backup.compress),
        logRetentionDays: setting(days, backup.logRetentionDays),
        schedule: section(
          object({
            daily: setting(schedule, backup.schedule.daily),
            weekly: setting(schedule, backup.schedule.weekly),
            logCleanup: setting(schedule, backup.schedule.logCleanup),
            healthCheck: setting(schedule, backup.schedule.healthCheck),
          }),
        ),
      }),
    ),
    monitoring: section(
      object({
        prometheus: section(
          object({
            port: setting(port, monitoring.prometheus.port),
            scrapeIntervalSeconds: setting(seconds, monitoring.prometheus.scrapeIntervalSeconds),
          }),
        ),
        exporter: section(
          object({
            job: setting(line('a job name', 63), monitoring.exporter.job),
            scrapeIntervalSeconds: setting(seconds, monitoring.exporter.scrapeIntervalSeconds),
            port: setting(port, monitoring.exporter.port),
          }),
        ),
        grafana: section(object({ port: setting(port, monitoring.grafana.port) })),
      }),
    ),
    graph: section(object({ invokes: setting(record(anything, 'invoke tokens'), defaults.graph.invokes) })),
  });
}
