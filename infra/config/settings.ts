import type { AuditedTable, ExtensionSpec, IndexSpec, Parameters, SslMode } from '../../postgres/spec';
import type { Plain } from './plain';

/** What an environment is made of; see the table of the three environments in README. */
export type Environment = 'local' | 'dev' | 'prod';

/** The server process of the local environment, and the size of prod's instance. */
export interface ServerSettings {
  /** local: loopback port. `auto`: the port of the last run, else 5432, else a free one. @default auto */
  port: number | 'auto';
  /**
   * local: `auto` (installed ones, else the npm package's), `installed`, `embedded`, or an absolute folder with initdb and
   * postgres in it. A server of another major version refuses the data directory. @default auto
   */
  binaries: string;
  /** local: the account that runs the server where root starts it. Absent: postgres, else nobody. */
  account?: string;
  /** local: absolute folder. Absent: below `.coachdb/<stack>`. A change is refused: the data is moved by hand. */
  dataDirectory?: string;
  /** prod: RDS instance class; also what `tuning: auto` sizes for. Changing it restarts. @default db.t4g.medium */
  instanceClass?: string;
}

export interface DatabaseSettings {
  /** Changing it renames the database. @default inclusive_ai */
  name: string;
  /** Superuser of local and dev, master user of prod. @default postgres */
  adminUser: string;
  /** How the deploying machine reaches the database: `function` through the Lambda inside prod's VPC. */
  access: 'direct' | 'function';
  /** dev and prod. @default 127.0.0.1 in dev, the instance's own endpoint in prod */
  host?: string;
  /** dev and prod. @default 5432 */
  port?: number;
  /** dev. @default `disable` where the host is loopback, else `verify-full`. */
  sslMode?: SslMode;
  /** dev: PEM file of the authority that signed the server's certificate, absolute or below the project. */
  caFile?: string;
  /** dev: a secret is set; the program alone gets its value. Absent: a password is generated. */
  adminPassword?: true;
}

/** A role nobody logs in as. */
export interface GroupRoleSettings {
  name: string;
}

export interface LoginRoleSettings extends GroupRoleSettings {
  /** Connections at once; -1: no limit. */
  connectionLimit: number;
}

export interface RolesSettings {
  owner: GroupRoleSettings;
  migrator: LoginRoleSettings;
  application: LoginRoleSettings;
  readOnly: LoginRoleSettings;
  monitor: LoginRoleSettings;
  auditor: LoginRoleSettings;
  auditOwner: GroupRoleSettings;
}

/** Beside `public`, or with grants that `public` has by itself. */
export interface SchemaSettings {
  name: string;
  /** A declared role. Absent: the owner of the tables. */
  owner?: string;
  grants: SchemaGrantSettings[];
}

export interface SchemaGrantSettings {
  /** A declared role. */
  role: string;
  objectType: 'schema' | 'table' | 'sequence' | 'function';
  /** Empty: all of that type, and later ones of the schema's owner. */
  objects: string[];
  privileges: string[];
}

export interface AuditedTableSettings extends AuditedTable {
  exclude: string[];
  redact: string[];
  /** false: the trail keeps what it has and records nothing more. @default true */
  enabled: boolean;
}

export interface AuditSettings {
  /** @default audit */
  schema: string;
  /** @default audit_log */
  table: string;
  tables: AuditedTableSettings[];
  /** Roles that may suspend the trail inside one transaction, for a load. @default none: superusers alone */
  loaders: string[];
  /** Months of the trail that are kept; 0 keeps all. @default 0 */
  retentionMonths: number;
  /** Monthly partitions made ahead. @default 3 */
  monthsAhead: number;
  /** Rows of a partition linked by a hash chain. @default false */
  hashChain: boolean;
}

export interface MigrationsSettings {
  /** `initial`: `up` migrates only a database without any migration. @default always; initial in prod */
  apply: 'always' | 'initial';
  /** @default 5000 */
  lockTimeoutMs: number;
  /** One statement; 0: no limit. Below the 15 minutes a Lambda lives. @default 600000 */
  statementTimeoutMs: number;
}

/** The application's connection pool (pg.Pool). */
export interface PoolSettings {
  /** pg.Pool min. @default 2 */
  min: number;
  /** pg.Pool max. @default 10 */
  max: number;
  /** Waiting for a connection: connectionTimeoutMillis. @default 30000 */
  acquireTimeoutMs: number;
  /** TCP and authentication of one connection. @default 30000 */
  createTimeoutMs: number;
  /** Pause between attempts inside acquireTimeoutMs. @default 200 */
  createRetryIntervalMs: number;
  /** Closing the pool. @default 5000 */
  destroyTimeoutMs: number;
  /** idleTimeoutMillis. @default 30000 */
  idleTimeoutMs: number;
  /** No counterpart: pg.Pool closes idle connections by a timer of each. @default 1000 */
  reapIntervalMs: number;
}

/** A cron expression of five fields in the machine's time zone, or `never`. */
export type Schedule = string;

export interface BackupSettings {
  /** @default true */
  enabled: boolean;
  /** @default 7 */
  retentionDays: number;
  /** @default true */
  compress: boolean;
  /** Log files older than this are removed. @default 30 */
  logRetentionDays: number;
  schedule: {
    /** @default 0 2 * * * */
    daily: Schedule;
    /** With upload to S3. @default 0 3 * * 0 */
    weekly: Schedule;
    /** @default 0 4 * * 0 */
    logCleanup: Schedule;
    /** @default *\/30 * * * * */
    healthCheck: Schedule;
  };
}

export interface MonitoringSettings {
  prometheus: {
    /** @default 9090 */
    port: number;
    /** @default 15 */
    scrapeIntervalSeconds: number;
  };
  /** The scrape job that reads postgres_exporter. */
  exporter: {
    /** @default postgresql */
    job: string;
    /** @default 30 */
    scrapeIntervalSeconds: number;
    /** @default 9187 */
    port: number;
  };
  grafana: {
    /** @default 3001 */
    port: number;
  };
}

/** Everything a stack can be told, complete and checked. docs/settings.md describes each for users. */
export interface Settings {
  stack: string;
  /** @default the stack's name, where it is local, dev or prod */
  environment: Environment;
  server: ServerSettings;
  database: DatabaseSettings;
  /** `auto`: memory and worker parameters are sized from the machine or instance class. @default explicit */
  tuning: 'explicit' | 'auto';
  /** What the stack's file says; `effectiveParameters` adds the defaults and the sizes. */
  parameters: Parameters;
  roles: RolesSettings;
  schemas: SchemaSettings[];
  extensions: ExtensionSpec[];
  indexes: IndexSpec[];
  audit: AuditSettings;
  migrations: MigrationsSettings;
  app: {
    /** The application's checkout, absolute or below the project. Absent: the `app` folder here. */
    directory?: string;
  };
  pool: PoolSettings;
  backup: BackupSettings;
  monitoring: MonitoringSettings;
  graph: {
    /** Answers of `get*` invokes for the offline graph, by the invoke's token. */
    invokes: Record<string, Plain>;
  };
}
