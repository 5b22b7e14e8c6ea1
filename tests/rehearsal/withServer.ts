import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeAuthority } from '../support/certificates';
import { embeddedBinaries, installedBinaries } from '../support/cluster';
import { asSuperuser, type RdsServer, startRds } from '../support/rdsMaster';
import { Rehearsal } from './rehearsal';

export const DATABASE = 'inclusive_ai';
export const MASTER = 'coach_admin';

/** A rehearsal whose instance is a real server here, with a master as RDS makes it: the migration function works on it. */
export interface RehearsalWithServer {
  prod: Rehearsal;
  server: RdsServer;
  stop: () => Promise<void>;
}

export async function startWithServer(
  binaries = embeddedBinaries() ?? installedBinaries() ?? 'no PostgreSQL on this machine',
): Promise<RehearsalWithServer> {
  const folder = mkdtempSync(join(tmpdir(), 'coach-authority-'));
  const authority = makeAuthority();
  const { key, certificate: cert } = authority.issue(['127.0.0.1']);
  const server = await startRds(binaries, { master: MASTER, tls: { key, cert } });
  await asSuperuser({ ...server.admin, database: 'postgres' }, [`CREATE DATABASE ${DATABASE} OWNER ${MASTER}`]);
  const caFile = join(folder, 'authority.pem');
  writeFileSync(caFile, authority.certificate);
  const prod = await Rehearsal.start({
    lacking: true,
    masterPassword: server.masterPassword,
    environment: { COACH_DATABASE_CA_FILE: caFile },
  });
  prod.set('database', { name: DATABASE, access: 'function', port: server.port, adminUser: MASTER });
  prod.set('rds', { majorVersion: server.major, storageGb: 100, maxStorageGb: 500 });
  const stop = async (): Promise<void> => {
    await prod.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { prod, server, stop };
}
