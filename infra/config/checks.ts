import { isReservedSchema } from '../../postgres/roles/reserved';
import { APPLICATION_SCHEMA } from '../../postgres/spec/objects';
import { machineOfInstanceClass } from '../../postgres/tuning/machine';
import { checkAccess } from './access';
import { checkBucket } from './bucketSettings';
import { checkInstance, checkRdsExtensions, checkRdsNames } from './instanceChecks';
import { checkBackupsInReach, checkNetwork } from './networkChecks';
import type { Report } from './report';
import { checkSchemasAndExtensions } from './schemaSettings';
import type { Settings } from './settings';
import { checkTask } from './taskSettings';

type Complain = (code: string, path: string, message: string, remedy: string) => void;

interface Check {
  /** When one of these was refused, the check has nothing to go by. */
  reads: readonly string[];
  run: (settings: Settings, complain: Complain) => void;
}

const checks: readonly Check[] = [
  { reads: ['database', 'aws.tags', 'environment'], run: checkRdsNames },
  {
    reads: ['pool.min', 'pool.max'],
    run: ({ pool }, complain) => {
      if (pool.min <= pool.max) return;
      complain(
        'setting-conflict',
        'pool.min',
        `coach:pool.min is ${pool.min}, more than coach:pool.max (${pool.max}).`,
        'Lower coach:pool.min or raise coach:pool.max.',
      );
    },
  },
  {
    reads: ['pool.max', 'roles.application'],
    run: ({ pool, roles: { application } }, complain) => {
      if (application.connectionLimit < 0 || pool.max <= application.connectionLimit) return;
      complain(
        'setting-conflict',
        'pool.max',
        `coach:pool.max is ${pool.max}, but role ${application.name} may hold ${application.connectionLimit} connections.`,
        'Lower coach:pool.max or raise coach:roles.application.connectionLimit.',
      );
    },
  },
  {
    reads: ['roles', 'database.adminUser'],
    run: ({ roles, database }, complain) => {
      const owners = new Map([[database.adminUser, 'database.adminUser']]);
      for (const [purpose, { name }] of Object.entries(roles) as [string, { name: string }][]) {
        const path = `roles.${purpose}.name`;
        const taken = owners.get(name);
        if (taken !== undefined) {
          complain(
            'setting-conflict',
            path,
            `coach:${path} is ${name}, the name of coach:${taken} too.`,
            'Give each role a name of its own: one role with two purposes would have the rights of both.',
          );
        }
        owners.set(name, path);
      }
    },
  },
  { reads: ['roles', 'audit.schema', 'schemas', 'extensions'], run: checkSchemasAndExtensions },
  { reads: ['database', 'environment'], run: checkAccess },
  { reads: ['backup', 'environment'], run: checkBucket },
  { reads: ['backup', 'environment', 'aws'], run: checkTask },
  { reads: ['backup.s3', 'environment', 'aws'], run: checkBackupsInReach },
  { reads: ['aws.network', 'aws.region', 'environment'], run: checkNetwork },
  { reads: ['rds', 'aws.region', 'server.instanceClass', 'environment'], run: checkInstance },
  { reads: ['rds.majorVersion', 'extensions', 'environment'], run: checkRdsExtensions },
  {
    reads: ['audit'],
    run: ({ audit }, complain) => {
      if (audit.schema !== APPLICATION_SCHEMA && !isReservedSchema(audit.schema)) return;
      complain(
        'setting-conflict',
        'audit.schema',
        `coach:audit.schema is ${audit.schema}; the trail needs a schema of its own.`,
        'Choose another one (audit): Prisma would report the trail in public as drift.',
      );
    },
  },
  {
    reads: ['audit.tables'],
    run: ({ audit }, complain) => {
      audit.tables.forEach(({ table, exclude, redact }, position) => {
        for (const column of exclude.filter((name) => redact.includes(name))) {
          complain(
            'setting-conflict',
            `audit.tables[${position}]`,
            `Column ${column} of ${table} is excluded and redacted.`,
            'Keep it in one of the two: excluded columns leave no trace, redacted ones the fact of a change.',
          );
        }
      });
    },
  },
  {
    reads: ['server.instanceClass', 'tuning'],
    run: ({ environment, server, tuning }, complain) => {
      if (
        environment !== 'prod' ||
        tuning !== 'auto' ||
        machineOfInstanceClass(server.instanceClass ?? '') !== undefined
      )
        return;
      complain(
        'setting-conflict',
        'tuning',
        `coach:tuning is auto, but memory and processors of instance class ${server.instanceClass ?? '(none)'} are not known.`,
        'Choose a class of the families t, m, r, c or x, or set coach:tuning to explicit and the parameters themselves.',
      );
    },
  },
];

export function checkTogether(settings: Settings, report: Report): void {
  // What one check finds is no reason for another to be silent.
  const possible = checks.filter(({ reads }) => !report.concerns(reads));
  for (const { run } of possible) run(settings, (...problem) => report.add(...problem));
}
