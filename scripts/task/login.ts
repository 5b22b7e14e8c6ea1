import type { Settings } from '../../infra/config/settings';
import { masterSecret } from '../../postgres/connection/masterSecret';
import { rdsTarget, rdsTls } from '../../postgres/connection/rdsLogin';
import type { ConnectionTarget } from '../../postgres/spec';
import type { BackupDatabase } from '../backup/workplace';
import type { DatabaseAccess } from '../databaseAccess';
import type { Task } from './description';

/** Straight to the instance: every role by a token of IAM, which the task's own role is allowed. */
export function taskAccess(task: Task, { database: { adminUser } }: Settings): DatabaseAccess {
  const { host, port, database, region, caFile } = task;
  return { host, port, database, adminUser, as: (user) => rdsTarget({ host, port, database, user, region, caFile }) };
}

export const taskDatabase = (task: Task, settings: Settings): BackupDatabase => ({
  name: task.database,
  backup: taskAccess(task, settings).as(settings.roles.backup.name),
  admin: () => administrator(task),
  binaries: undefined,
  state: undefined,
});

/** RDS changes the password every week, so it is read when it is needed: what backs up may not read it at all. */
async function administrator({ host, port, region, masterSecret: secret, caFile }: Task): Promise<ConnectionTarget> {
  const { username, password } = await masterSecret(secret, region);
  return { host, port, database: 'postgres', user: username, password, ...rdsTls(caFile) };
}
