import type { InferOutput } from 'valibot';

import type { ParameterValue } from '../../postgres/spec';
import { audit, extension, index, migrations, names } from '../../postgres/spec/objects';
import {
  type About,
  list,
  object,
  optional,
  type Plain,
  record,
  required,
  scalar,
  type Schema,
  section,
  setting,
} from '../../postgres/spec/schema';
import {
  absolutePath,
  databaseName,
  either,
  identifier,
  line,
  milliseconds,
  oneOf,
  port,
  roleName,
  scalarValue,
  wholeNumber,
} from '../../postgres/spec/values';
import { KINDS, POLICIES } from '../../postgres/transfer/values/kinds';
import { TIME_UNITS } from '../../postgres/transfer/values/units';
import { secret, sslMode } from './access';
import { awsSettings, rdsSettings } from './awsSettings';
import { backup } from './backupSettings';

export const ENVIRONMENTS = ['local', 'dev', 'prod'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** Where a setting has an effect, and what to do elsewhere. */
const only = (environments: Environment[], elsewhere: string): About => ({ only: environments, elsewhere });

const OF_PROCESS = only(['local'], 'The other environments run PostgreSQL in a container or on RDS.');

const groupRole = (name: string, means: string, change: string) =>
  section({ name: setting(roleName, name, means, { change }) });

const limit = wholeNumber(-1, 262_143, 'connections (-1: no limit)', 'connections, -1: no limit');

const loginRole = (name: string, means: string, connectionLimit = -1) =>
  section({
    name: setting(roleName, name, means, { change: 'replaces role and password' }),
    connectionLimit: setting(limit, connectionLimit, 'connections at once', { change: 'in place' }),
  });

/** A list becomes PostgreSQL's own, items quoted where they need it. */
const parameter: Schema<ParameterValue> = scalar('a text, a number, true or false, or a list of texts', (value) => {
  const quoted = (item: string): string => (/[",\s]|^$/.test(item) ? `"${item.replaceAll('"', '""')}"` : item);
  if (!Array.isArray(value)) return scalarValue(value);
  return value.every((item) => typeof item === 'string') ? value.map(quoted).join(', ') : undefined;
});

const schemaGrant = object(
  {
    role: required(roleName, 'a declared role'),
    objectType: required(oneOf('schema', 'table', 'sequence', 'function'), 'what the grant is on'),
    objects: setting(names, [], 'which ones; none: all of that type, and later ones of the schema’s owner'),
    privileges: required(list(line('a privilege (SELECT)', 63), { unique: [], atLeast: 1 }), 'PostgreSQL’s privileges'),
  },
  { change: 'in place' },
);

const schema = object({
  name: required(identifier, '`public` for further grants in it', {
    change: 'made under the new name; the old one stays',
  }),
  owner: optional(roleName, '`roles.owner.name`', 'a declared role; not for `public`', {
    change: 'in place; what is in it keeps its owners',
  }),
  grants: setting(list(schemaGrant), [], 'who may do what in it', { change: 'in place' }),
});

const DEFAULT_INDEXES = [
  ['idx_student_location', 'Student', 'location'],
  ['idx_student_language', 'Student', 'language'],
  ['idx_completed_lesson_student', 'CompletedLesson', 'studentId'],
  ['idx_assessment_student', 'Assessment', 'studentId'],
  ['idx_user_email', 'User', 'email'],
].map(([name = '', table = '', column = '']) => ({ name, table, columns: [column] }));

function mapObject<K extends string, V, R>(object: Readonly<Record<K, V>>, change: (value: V) => R): Record<K, R> {
  return Object.fromEntries(Object.entries<V>(object).map(([key, value]) => [key, change(value)])) as Record<K, R>;
}

const anything: Schema<Plain> = scalar('any JSON', (value) => value);
const account = line('the name of an account of this system', 32, /^[A-Za-z_][A-Za-z0-9_.-]*$/);
const instanceClass = line('an RDS instance class (db.t4g.medium)', 50, /^db\.[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}$/);
const hostName = line('a host name or an IP address', 253, /^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$|^::1$/);
const file = line('a file, absolute or below the project', 4096);
const folder = line('a folder, absolute or below the project', 4096);
const connections = (min: number): Schema<number> => wholeNumber(min, 10_000, 'connections');
const ms = milliseconds(1);

/** What becomes of a value that does not fit. */
const POLICY_SETTINGS = mapObject(KINDS, (means) => setting(oneOf(...POLICIES), 'fail', means));

/** The server process of local, and the size of prod's instance. */
const server = (environment: Environment) =>
  section(
    {
      port: setting(
        either(['auto'], port),
        'auto',
        'on loopback; `auto`: the last run’s, else a free one from 5432 on',
        {
          ...only(['local'], 'Set coach:database.port.'),
        },
      ),
      binaries: setting(
        either(['auto', 'installed', 'embedded'], absolutePath),
        'auto',
        '`auto`: installed PostgreSQL 15 to 18, else the npm package’s; or a folder with `initdb` and `postgres`',
        { change: 'restart; a server of another major version refuses the data', ...OF_PROCESS },
      ),
      account: optional(account, 'postgres, else nobody', 'who runs the server where root starts it', {
        change: 'restart; refused where the data belongs to another account',
        ...OF_PROCESS,
      }),
      dataDirectory: optional(absolutePath, 'below `.coachdb/<stack>`', 'where the data lies', {
        change: 'refused, with the commands that move the data',
        ...only(['local'], 'The other environments keep data in a volume or on RDS.'),
      }),
      instanceClass: optional(
        instanceClass,
        '',
        'what `tuning: auto` sizes for',
        only(['prod'], 'Only RDS has instance classes.'),
        environment === 'prod' ? 'db.t4g.medium' : undefined,
      ),
    },
    { change: 'restart' },
  );

const database = (environment: Environment) =>
  section(
    {
      name: setting(databaseName, 'inclusive_ai', 'the application’s database', {
        change: 'renames it; refused while others are connected',
      }),
      adminUser: setting(
        roleName,
        environment === 'prod' ? 'coach_admin' : 'postgres',
        'superuser of local and dev, master user of prod',
        {
          change: 'would replace the server: refused',
        },
      ),
      access: setting(
        oneOf('direct', 'function'),
        environment === 'prod' ? 'function' : 'direct',
        'how it is reached; `function`, for prod alone: by the Lambda inside its network',
        { change: 'changes who applies; the objects stay' },
      ),
      host: optional(
        hostName,
        'the instance’s endpoint',
        'where the server is',
        only(['dev', 'prod'], 'The local server listens on 127.0.0.1.'),
        environment === 'dev' ? '127.0.0.1' : undefined,
      ),
      port: optional(
        port,
        '',
        'the server’s port',
        only(['dev', 'prod'], 'Set coach:server.port.'),
        environment === 'local' ? undefined : environment === 'prod' ? 15_432 : 5432,
      ),
      sslMode: optional(sslMode, '`disable` where the host is loopback, else `verify-full`', 'what is asked of TLS', {
        ...only(['dev'], 'The local server is on loopback, and RDS takes TLS alone.'),
      }),
      caFile: optional(
        file,
        'refused with `verify-full`',
        'PEM of the authority that signed the server’s certificate',
        {
          ...only(['dev'], 'The local server is on loopback, and the authority of RDS is known.'),
        },
      ),
      adminPassword: optional(secret, 'generated; has to be set where the host is another machine', 'of `adminUser`', {
        change: 'used from the next run on; the server’s own is changed there',
        ...only(['dev'], 'Elsewhere the password is generated.'),
      }),
    },
    { change: 'reconnects' },
  );

/**
 * Every setting once: its type, default, meaning, and what a change does. The type `Settings`, the parser, its messages and the tables of
 * docs/settings.md (`npm run docs`) come from here.
 */
export const settingsSchema = (environment: Environment) =>
  object({
    environment: setting(oneOf(...ENVIRONMENTS), environment, 'which of the three the stack is', {
      unset: 'the stack’s name, where it is one of them; else it has to be set',
      change: 'is another deployment: make a new stack instead',
    }),
    server: server(environment),
    database: database(environment),
    tuning: setting(
      oneOf('explicit', 'auto'),
      'explicit',
      '`auto`: memory and workers sized from machine or instance class',
      {
        change: 'as the parameters it changes',
      },
    ),
    parameters: setting(
      record(parameter, 'PostgreSQL parameters'),
      {},
      'names and values as in postgresql.conf: `256MB`, `on`, 3; a list may be a YAML list',
      {
        change: 'reload or restart, by the parameter’s context; the preview says which',
      },
    ),
    roles: section({
      owner: groupRole(
        'coach_owner',
        'owns the tables and their schema, never logs in',
        'refused, with the command that renames the role',
      ),
      migrator: loginRole('coach_migrator', 'runs migrations as the owner'),
      loader: loginRole('coach_loader', 'loads tables as the owner, and may suspend the trail for it'),
      // Two pools of 10.
      application: loginRole('inclusive', 'reads and writes rows, owns nothing, cannot create', 20),
      readOnly: loginRole('coach_readonly', 'reads rows'),
      monitor: loginRole('coach_monitor', 'member of pg_monitor'),
      auditor: loginRole('coach_auditor', 'reads the audit trail'),
      backup: loginRole('coach_backup', 'reads all there is, for a dump'),
      auditOwner: groupRole(
        'coach_audit_owner',
        'owns the audit trail, never logs in',
        'replaces the role; the trail is handed over',
      ),
    }),
    schemas: setting(list(schema, { unique: ['name'] }), [], 'beside `public`, and grants in any', {
      change: 'made, never dropped: one no longer declared stays, without the rights',
    }),
    extensions: setting(
      list(extension, { unique: ['name'] }),
      ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements'],
      'extensions of the database',
      { change: 'created or dropped in place' },
    ),
    indexes: setting(list(index, { unique: ['schema', 'name'] }), DEFAULT_INDEXES, 'beside those of migrations', {
      change: 'built and dropped concurrently; a changed one is built before the old one goes',
    }),
    audit,
    migrations: migrations(environment === 'prod' ? 'initial' : 'always'),
    app: section({
      directory: optional(folder, '`app` here', 'the application’s checkout (with `prisma/` in it)', {
        change: 'at the next `up`',
      }),
    }),
    transfer: section(
      {
        exclude: setting(
          list(line('a table, or Table.column', 260), { unique: [] }),
          [],
          'tables and columns of the source that stay behind',
        ),
        casts: setting(
          record(oneOf(...TIME_UNITS), 'columns (Table.column)'),
          {},
          'what a number in a column of times counts, where it is not Prisma’s milliseconds',
        ),
        policies: section(POLICY_SETTINGS),
      },
      { change: 'at the next transfer' },
    ),
    pool: section(
      {
        min: setting(connections(0), 2, 'pg.Pool `min`'),
        max: setting(connections(1), 10, 'pg.Pool `max`'),
        acquireTimeoutMs: setting(ms, 30_000, 'waiting for a connection: pg.Pool `connectionTimeoutMillis`'),
        createTimeoutMs: setting(ms, 30_000, 'TCP and authentication of one connection'),
        createRetryIntervalMs: setting(ms, 200, 'pause between attempts inside `acquireTimeoutMs`'),
        destroyTimeoutMs: setting(ms, 5_000, 'closing the pool'),
        idleTimeoutMs: setting(milliseconds(0), 30_000, 'pg.Pool `idleTimeoutMillis`; 0: never'),
        reapIntervalMs: setting(ms, 1_000, 'no counterpart: pg.Pool closes each idle connection by a timer of its own'),
      },
      { change: 'when the application starts with the new environment' },
    ),
    backup,
    aws: awsSettings(environment),
    rds: rdsSettings(environment),
    graph: section({
      invokes: setting(record(anything, 'invoke tokens'), {}, 'answers of `get*` invokes by token, any JSON', {
        change: 'nothing that is deployed',
      }),
    }),
  });

/** Settings that people look for and nothing would act on yet: refused, so that nobody believes to have what they promise. */
export const NOT_YET: Readonly<Record<string, string>> = {
  monitoring: 'no stack declares monitoring',
};

/** Everything a stack is told, complete and checked. */
export type Settings = { stack: string } & InferOutput<ReturnType<typeof settingsSchema>>;
export type DatabaseSettings = Settings['database'];
/** What prod has and the others have not. */
export type ProdSettings = Settings & Required<Pick<Settings, 'aws' | 'rds'>>;

export function prodSettings(settings: Settings): ProdSettings {
  const { aws, rds } = settings;
  if (aws !== undefined && rds !== undefined) return { ...settings, aws, rds };
  throw new Error(`Stack ${settings.stack} has no settings of AWS.`);
}
