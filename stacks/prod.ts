import { getCallerIdentityOutput } from '@pulumi/aws/getCallerIdentity';
import { Provider } from '@pulumi/aws/provider';
import * as pulumi from '@pulumi/pulumi';

import { BackupBucket } from '../components/backup/backupBucket';
import { Credentials } from '../components/database/credentials';
import { databaseSpec, type SpecContext } from '../infra/config/databaseSpec';
import type { Settings } from '../infra/config/settings';

/** The credentials of prod's roles, the description of its database, and where backups go; the other AWS resources are not declared by this program. */
export function prod(settings: Settings, context: SpecContext): Record<string, unknown> {
  const spec = databaseSpec(settings, context);
  void pulumi.log.warn(
    `Stack ${settings.stack} declares the passwords of its roles and the bucket of its backups, and hands out the database's description. The RDS ` +
      'instance, its network, the proxy, monitoring and the migration function are not part of the program.',
  );
  const logins = spec.roles.filter((role) => role.login).map((role) => role.name);
  const credentials = new Credentials('password', { roles: logins });
  const backups = createBackupBucket(settings);
  return {
    database: spec.name,
    // Where the checkout lies is not part of what prod is.
    spec: { ...spec, migrations: { ...spec.migrations, directory: undefined } },
    passwords: pulumi.secret(Object.fromEntries(logins.map((user) => [user, credentials.of(user)]))),
    ...(backups === undefined ? {} : { backups: { bucket: backups.bucketName, kmsKeyArn: backups.kmsKeyArn } }),
  };
}

/** Where the uploader looks for it (`coach:backup.s3`); undefined where that is another vendor's. */
function createBackupBucket({ stack, backup }: Settings): BackupBucket | undefined {
  const { bucket: bucketName, prefix = stack, region, endpoint, kmsKeyId: kmsKeyArn } = backup.s3 ?? {};
  if (endpoint !== undefined) return undefined;
  return new BackupBucket(
    'backups',
    {
      ...(bucketName === undefined ? {} : { bucketName }),
      ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
      prefix: `${prefix}/`,
      retention: backup,
      ...backup.bucket,
      account: getCallerIdentityOutput().accountId,
      tags: { project: pulumi.getProject(), stack },
    },
    region === undefined ? {} : { provider: new Provider('backups-region', { region }) },
  );
}
