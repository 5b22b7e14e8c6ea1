import { afterAll, beforeAll, expect, inject } from 'vitest';

import { decodeResources, writeCheckpoint } from '../../../engine/state/checkpoint';
import { planPendingRepair, repairPending } from '../../../engine/state/pending';
import { freshDatabase, type TestDatabase } from '../../support/database';
import { SampleProject, withPulumi } from './realPulumi';

const ROLE = 'real_roles_app';
const SOURCE = (port: number): string => `
const postgresql = require('@pulumi/postgresql');
const provider = new postgresql.Provider('pg', { host: '127.0.0.1', port: ${port}, username: 'postgres', password: 'test', sslmode: 'disable', superuser: true });
new postgresql.Role('app', { name: '${ROLE}', login: true, connectionLimit: 7 }, { provider });`;

let database: TestDatabase;
let project: SampleProject;
beforeAll(async () => {
  database = await freshDatabase('roles');
  project = new SampleProject(SOURCE(inject('cluster').port));
});
afterAll(async () => {
  project.remove();
  await database.client.query(`DROP ROLE IF EXISTS ${ROLE}`);
  await database.drop();
});

withPulumi('a role that a killed Pulumi made is taken over, one it did not make is made', ['postgresql'], async () => {
  expect((await project.run('up')).failures).toEqual([]);
  for (const isMade of [true, false]) {
    // The state as a kill in the middle of CREATE ROLE leaves it.
    const file = project.checkpoint();
    const latest = file.checkpoint.latest;
    const role = latest?.resources?.pop();
    if (latest === undefined || role === undefined) throw new Error('no role in the state');
    const begun = Object.fromEntries(Object.entries(role).filter(([field]) => field !== 'id' && field !== 'outputs'));
    latest.pending_operations = [{ resource: begun, type: 'creating' }];
    writeCheckpoint(project.paths.checkpoint, file);
    if (isMade) await database.client.query(`ALTER ROLE ${ROLE} CONNECTION LIMIT 3`);
    else await database.client.query(`DROP ROLE ${ROLE}`);

    expect(() => project.run('up')).toThrow(/::app, interrupted while creating/);
    const killed = project.checkpoint();
    writeCheckpoint(project.paths.checkpoint, repairPending(killed, planPendingRepair(killed)));
    const { failures, result } = await project.run('up', { refresh: true });
    expect(failures).toEqual([]);
    const change = result.changes.find(({ name }) => name === 'app');
    if (isMade)
      expect(change).toMatchObject({
        operation: 'update',
        changed: [{ path: 'connectionLimit', before: 3, after: 7 }],
      });
    else expect(change).toMatchObject({ operation: 'create', note: 'was in the state but no longer exists' });
    const { rows } = await database.client.query<{ rolconnlimit: number }>(
      'SELECT rolconnlimit FROM pg_roles WHERE rolname = $1',
      [ROLE],
    );
    expect(rows).toEqual([{ rolconnlimit: 7 }]);
    expect(decodeResources(project.checkpoint(), await project.crypter()).at(-1)).toMatchObject({ id: ROLE });
    expect((await project.run('preview')).result.counts).toMatchObject({ same: 3, create: 0, update: 0 });
  }
});
