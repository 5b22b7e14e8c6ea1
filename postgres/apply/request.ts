import * as v from 'valibot';

import { PlatformError } from '../../system/errors';
import { archiveKey } from '../migrations/archive';
import { type DatabaseSpec, type MigrationsSpec, SCHEMA_OBJECTS } from '../spec';
import { extension, index } from '../spec/objects';

/**
 * A database's description without paths of whoever wrote it: the migrations come as an archive. Parameters are the server's: a change of one is
 * nothing to run for.
 */
export interface SentSpec extends Omit<DatabaseSpec, 'migrations' | 'parameters'> {
  migrations: Omit<MigrationsSpec, 'directory'>;
}

/** Where the archive lies in the artifacts bucket; the key says what it has to be. */
export interface SentMigrations {
  key: string;
  sha256: string;
}

/** What the migration function is asked. */
export type MigrationRequest =
  | { action: 'apply'; spec: SentSpec; migrations: SentMigrations }
  | {
      action: 'deploy';
      spec: SentSpec;
      migrations: SentMigrations;
      dryRun?: boolean | undefined;
      applied?: string | undefined;
      rolledBack?: string | undefined;
    }
  | { action: 'status'; spec?: SentSpec | undefined };

/** How the migration function answers, but where `apply` fails: the JSON of the command line. */
export interface MigrationReport {
  command: MigrationRequest['action'];
  stack: string;
  status: 'ok' | 'changed' | 'differs' | 'refused' | 'failed';
  startedAt: string;
  durationMs: number;
  problems: { code: string; message: string; remedy: string; object?: string }[];
  [field: string]: unknown;
}

/** What is sent of a description. */
export const sentSpec = ({
  migrations: { directory: _, ...migrations },
  parameters: __,
  ...spec
}: DatabaseSpec): SentSpec => ({
  ...spec,
  migrations,
});

/** Lets nothing through that is no request, and says which part of it is not. Throws `request-malformed`. */
export function readRequest(event: unknown): MigrationRequest {
  const { success, output, issues } = v.safeParse(request, event);
  if (success) return output;
  const where = v.getDotPath(issues[0]);
  throw new PlatformError(
    'request-malformed',
    `The request of the migration function is not understood${where === null ? '' : `: ${where}`}; expected { action: ${Object.keys(actions).join(' | ')}, ... } as \`npm run up\` and \`deploy\` send it.`,
    'Invoke it by `npm run coachdb -- deploy` or `npm run coachdb -- status`, from the checkout that `up` was run from.',
    { kind: 'usage' },
  );
}

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(255));
const names = v.array(name);
const schemaObject = v.picklist(SCHEMA_OBJECTS);
const role = v.strictObject({
  name,
  login: v.boolean(),
  connectionLimit: v.number(),
  memberOf: names,
  inherit: v.boolean(),
  assumeRole: v.exactOptional(name),
  superuser: v.boolean(),
  createDatabase: v.boolean(),
  createRole: v.boolean(),
  replication: v.boolean(),
  bypassRowLevelSecurity: v.boolean(),
  purpose: v.picklist([
    'owner',
    'migrator',
    'loader',
    'application',
    'readOnly',
    'monitor',
    'auditor',
    'backup',
    'auditOwner',
  ]),
});
const grant = v.strictObject({
  role: name,
  objectType: v.picklist(['database', 'schema', ...SCHEMA_OBJECTS]),
  schema: v.exactOptional(name),
  objects: v.array(v.string()),
  privileges: names,
});
const defaultPrivilege = v.strictObject({
  owner: name,
  role: name,
  schema: name,
  objectType: schemaObject,
  privileges: names,
});
const auditedTable = v.strictObject({
  schema: name,
  table: name,
  exclude: v.exactOptional(names),
  redact: v.exactOptional(names),
});
const audit = v.strictObject({
  schema: name,
  table: name,
  owner: name,
  readers: names,
  loaders: v.exactOptional(names),
  dumpers: v.exactOptional(names),
  tables: v.array(auditedTable),
  retentionMonths: v.number(),
  monthsAhead: v.number(),
  hashChain: v.boolean(),
});
const spec = v.strictObject({
  name,
  owner: name,
  access: v.picklist(['direct', 'function']),
  roles: v.array(role),
  schemas: v.array(v.strictObject({ name, owner: name })),
  grants: v.array(grant),
  defaultPrivileges: v.array(defaultPrivilege),
  extensions: v.array(extension),
  migrations: v.strictObject({
    apply: v.picklist(['always', 'initial']),
    login: name,
    role: name,
    schema: name,
    lockTimeoutMs: v.number(),
    statementTimeoutMs: v.number(),
  }),
  indexes: v.array(index),
  audit,
});
const migrations = v.pipe(
  v.strictObject({ key: v.string(), sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
  v.check(({ key, sha256 }) => key === archiveKey(sha256)),
);
const actions = {
  apply: v.strictObject({ action: v.literal('apply'), spec, migrations }),
  deploy: v.strictObject({
    action: v.literal('deploy'),
    spec,
    migrations,
    dryRun: v.exactOptional(v.boolean()),
    applied: v.exactOptional(name),
    rolledBack: v.exactOptional(name),
  }),
  status: v.strictObject({ action: v.literal('status'), spec: v.exactOptional(spec) }),
};
const request: v.GenericSchema<unknown, MigrationRequest> = v.variant('action', [
  actions.apply,
  actions.deploy,
  actions.status,
]);
