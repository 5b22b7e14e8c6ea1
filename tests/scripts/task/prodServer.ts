import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { SecretsManager } from '@aws-sdk/client-secrets-manager';

import { databaseSpec } from '../../../infra/config/databaseSpec';
import { parseSettings } from '../../../infra/config/parse';
import { taskSettings } from '../../../infra/config/taskSettings';
import { applySpec } from '../../../postgres/apply/applySpec';
import type { TaskDescription } from '../../../postgres/backup/task';
import { withClient } from '../../../postgres/connection/client';
import { rdsTls } from '../../../postgres/connection/rdsLogin';
import type { ConnectionTarget } from '../../../postgres/spec';
import { ACCESS_KEY, type Emulator, SECRET_KEY, startEmulator } from '../../postgres/backup/s3/emulators';
import { makeAuthority } from '../../support/certificates';
import { type RdsServer, startRds } from '../../support/rdsMaster';

export const BUCKET = 'backups';
const REGION = 'us-east-1';

/** What a task of prod finds: a server as RDS makes it with the whole declaration, a bucket, the master's secret; and what it is told of them. */
export interface ProdServer {
  server: RdsServer;
  emulator: Emulator;
  /** Of the database, as the superuser that RDS keeps to itself. */
  target: (database?: string) => ConnectionTarget;
  description: TaskDescription;
  environment: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

export async function startProdServer(binaries: string, rows: number): Promise<ProdServer> {
  const authority = makeAuthority();
  const { certificate: cert, key } = authority.issue(['127.0.0.1']);
  const folder = mkdtempSync(join(tmpdir(), 'coach-task-'));
  const caFile = join(folder, 'authority.pem');
  writeFileSync(caFile, authority.certificate);
  const { settings, problems } = parseSettings({ environment: 'prod' }, 'prod');
  if (settings === undefined) throw new Error(JSON.stringify(problems));
  const spec = databaseSpec(settings, { projectRoot: process.cwd() });
  const [server, emulator] = await Promise.all([
    startRds(binaries, { master: settings.database.adminUser, tls: { cert, key } }),
    startEmulator('moto'),
  ]);
  const { host, port, master, masterPassword, admin } = server;
  const at = { host, port, database: spec.name, ...rdsTls(caFile) };
  const login = (user: string, password: string): ConnectionTarget => ({ ...at, user, password });
  await applySpec(
    (who) => (who === 'master' ? login(master, masterPassword) : login(spec.migrations.login, 'a token')),
    spec,
  );
  const target = (database = spec.name): ConnectionTarget => ({ ...admin, database });
  await withClient(target(), (client) =>
    client.query(
      `INSERT INTO public."User" (id, email, name, "updatedAt") SELECT 'u' || n, 'u' || n || '@example.com', 'Ünal ' || n, now() FROM generate_series(1, ${rows}) AS n`,
    ),
  );
  const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY };
  const secrets = new SecretsManager({ endpoint: emulator.endpoint, region: REGION, credentials });
  const { ARN: masterSecret = '' } = await secrets.createSecret({
    Name: 'rds!db-1',
    SecretString: JSON.stringify({ username: master, password: masterPassword }),
  });
  secrets.destroy();
  await emulator.s3.createBucket({ Bucket: BUCKET });
  return {
    server,
    emulator,
    target,
    description: {
      project: 'coach',
      stack: 'prod',
      region: REGION,
      host,
      port,
      database: spec.name,
      masterSecret,
      bucket: BUCKET,
      settings: taskSettings(settings),
    },
    environment: {
      COACH_DATABASE_CA_FILE: caFile,
      AWS_ACCESS_KEY_ID: ACCESS_KEY,
      AWS_SECRET_ACCESS_KEY: SECRET_KEY,
      AWS_ENDPOINT_URL: emulator.endpoint,
    },
    stop: async () => {
      await Promise.all([server.stop(), emulator.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
