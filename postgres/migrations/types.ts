import type { Problem } from '../../system/errors';

/** One `<timestamp>_<name>/migration.sql`. */
export interface MigrationFile {
  /** The folder's name, which is the migration's. */
  name: string;
  /** Absolute path of migration.sql. */
  path: string;
  /** SHA-256 of the text, 64 hex digits; empty where there is none to read. */
  checksum: string;
  /** As Prisma reads it: a byte order mark stays, and what is not UTF-8 becomes U+FFFD. */
  sql: string;
  /** Why it cannot be applied; of no account where the database has it already. */
  unfit?: Problem;
  /** What is odd in it without keeping it from being applied. */
  warnings: string[];
}

export interface MigrationFolder {
  /** Absolute. */
  directory: string;
  /** In the order they are applied: by name, as Prisma sorts them. */
  migrations: MigrationFile[];
  /** What lies in the folder without being a migration, and a missing lock file. */
  warnings: string[];
}

/** A row of `_prisma_migrations`. */
export interface MigrationRow {
  id: string;
  name: string;
  checksum: string;
  startedAt: Date;
  finishedAt: Date | null;
  rolledBackAt: Date | null;
  logs: string | null;
  appliedStepsCount: number;
}

/** What the role that migrations run as may do beside its own objects. */
export interface Powers {
  superuser: boolean;
  createRole: boolean;
  createDatabase: boolean;
  ownsDatabase: boolean;
  /** PostgreSQL's own roles that it is a member of. */
  memberOf: string[];
  /** Extensions that only a superuser may install and that are not there. */
  untrusted: string[];
  /** Installed extensions of its own, and those of another owner. */
  ownExtensions: string[];
  foreignExtensions: string[];
}

/** What a database knows of its migrations. */
export interface MigrationHistory {
  schema: string;
  /** Whether `_prisma_migrations` exists. */
  exists: boolean;
  /** In the order they were started. */
  rows: MigrationRow[];
  /** Other tables of the schema, those of extensions left out. */
  otherTables: string[];
  /** Unknown where the database cannot be asked yet. */
  powers?: Powers;
}

export interface MigrationStep {
  name: string;
  path: string;
  checksum: string;
  sql: string;
  /**
   * True: all or nothing, in one transaction with its record; where a `reason` ("line 2: unless ...") stands beside it, only if the server
   * takes the file so. False: for the `reason`, statement by statement as written, and what is done before a failure stays.
   */
  transactional: boolean;
  reason?: string;
  statements: PlannedStatement[];
}

export interface PlannedStatement {
  /** Offset in the file's text, in UTF-16 units; `sql` begins there. */
  start: number;
  /** From 1. */
  line: number;
  sql: string;
  /** BEGIN or COMMIT that the transaction around the file stands for. */
  merged?: boolean;
}

/** Pure data, printed by `--dry-run`. Nothing may be applied while `problems` has an entry. */
export interface MigrationPlan {
  /** What was planned from; `applyMigrations` plans again under the lock. */
  folder: MigrationFolder;
  schema: string;
  /** Pending migrations in the order they will run. */
  steps: MigrationStep[];
  /** Applied ones, with the checksums the database recorded. */
  applied: { name: string; checksum: string }[];
  problems: Problem[];
  warnings: string[];
}
