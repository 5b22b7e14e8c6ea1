import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { as } from '../../faults/support';
import { embeddedBinaries, installedBinaries } from '../../support/cluster';
import { TestProject } from '../../support/project';
import { type RdsServer, startRds } from '../../support/rdsMaster';
import { catalogOf } from './catalog';
import { applyTo, specOf } from './support';

const both = [embeddedBinaries(), installedBinaries()].filter((binaries) => binaries !== undefined);

describe.each(both)('with the programs of %s', (binaries) => {
  let project: TestProject;
  let rds: RdsServer | undefined;
  beforeAll(async () => {
    project = new TestProject('coach-same-');
    project.set('server', { port: 'auto', binaries });
    const [up] = await Promise.all([project.run(['up', '--yes', '--engine', 'embedded']), start()]);
    expect(up.code, up.stderr).toBe(0);
  });
  const start = async (): Promise<void> => {
    rds = await startRds(binaries);
    await applyTo(rds, specOf());
  };
  afterAll(async () => {
    await rds?.stop();
    await project.remove();
  });

  it('the master leaves what the local stack makes as a superuser', async () => {
    const local = await as(project, 'postgres', undefined, (client) => catalogOf(client, ['postgres']));
    const { admin, master } = rds as RdsServer;
    const client = new Client({ ...admin, database: 'inclusive_ai' });
    await client.connect();
    try {
      const applied = await catalogOf(client, ['postgres', master]);
      expect(applied.filter((line) => !local.includes(line))).toEqual([]);
      expect(applied).toEqual(local);
      expect(local.length).toBeGreaterThan(500);
    } finally {
      await client.end();
    }
  });
});
