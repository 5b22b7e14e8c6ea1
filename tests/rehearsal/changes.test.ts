import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { missing } from './emulators';
import type { Rehearsal } from './rehearsal';
import { type RehearsalWithServer, startWithServer } from './withServer';

const absent = missing('ministack', 'moto');
const INSTANCE = 'coach-prod-database';
const SCHEDULE = 'coach-prod-backup-daily';
const GroupName = 'coach-prod-backup';

describe.skipIf(absent !== '')(`prod, changed, against emulators${absent}`, { timeout: 300_000 }, () => {
  let rehearsal: RehearsalWithServer;
  let prod: Rehearsal;
  beforeAll(async () => {
    rehearsal = await startWithServer();
    ({ prod } = rehearsal);
    expect((await prod.up()).problems).toEqual([]);
  }, 300_000);
  afterAll(() => rehearsal.stop());

  it('takes another parameter in its group alone', async () => {
    prod.set('parameters', { max_wal_senders: 20, 'rds.force_ssl': 1, random_page_cost: 1.1 });
    const up = await prod.up();
    expect(up.problems).toEqual([]);
    expect(up.steps).toEqual(['update database-parameters']);
    expect(up.paths['database-parameters']?.every((path) => path.startsWith('parameters'))).toBe(true);
    expect((await prod.up()).steps).toEqual([]);
  });

  it('takes another class in place', async () => {
    prod.set('server', { instanceClass: 'db.t4g.large' });
    const up = await prod.up();
    expect(up.problems).toEqual([]);
    // The proxy's share of the connections follows from how many the class has; alarms say the class, and what memory it has.
    expect(up.steps).toEqual([
      'update alarms-database-byte-balance',
      'update alarms-database-cpu-credits',
      'update alarms-database-io-balance',
      'update alarms-database-memory',
      'update database',
      'update proxy-targets',
    ]);
    expect(up.paths['database']).toEqual(['instanceClass']);
    const { DBInstances } = await prod.clients().rds.describeDBInstances({ DBInstanceIdentifier: INSTANCE });
    expect(DBInstances?.[0]?.DBInstanceClass).toBe('db.t4g.large');
    expect((await prod.up()).steps).toEqual([]);
  });

  it('takes another schedule, in the schedule alone', async () => {
    prod.set('backup', { schedule: { backup: '30 4 * * *' } });
    const up = await prod.up();
    expect(up.problems).toEqual([]);
    expect(up.steps).toEqual(['update backup-daily']);
    expect(up.paths['backup-daily']).toEqual(['scheduleExpression']);
    const { ScheduleExpression } = await prod.clients().scheduler.getSchedule({ Name: SCHEDULE, GroupName });
    expect(ScheduleExpression).toBe('cron(30 4 * * ? *)');
    expect((await prod.up()).steps).toEqual([]);
  });

  it('has what was changed by hand found and put right', async () => {
    const { rds } = prod.clients();
    const { DBInstances } = await rds.describeDBInstances({ DBInstanceIdentifier: INSTANCE });
    const group = DBInstances?.[0]?.DBParameterGroups?.[0]?.DBParameterGroupName;
    const off = { ParameterName: 'rds.force_ssl', ParameterValue: '0', ApplyMethod: 'immediate' as const };
    await rds.modifyDBParameterGroup({ DBParameterGroupName: group, Parameters: [off] });
    await rds.modifyDBInstance({ DBInstanceIdentifier: INSTANCE, PubliclyAccessible: true, ApplyImmediately: true });

    const { scheduler } = prod.clients();
    const { Target, FlexibleTimeWindow, ScheduleExpression } = await scheduler.getSchedule({
      Name: SCHEDULE,
      GroupName,
    });
    await scheduler.updateSchedule({
      Name: SCHEDULE,
      GroupName,
      Target,
      FlexibleTimeWindow,
      ScheduleExpression,
      State: 'DISABLED',
    });

    const found = await prod.refresh();
    expect(found.steps).toEqual(['update backup-daily', 'update database', 'update database-parameters']);
    expect(found.paths['database']).toEqual(['publiclyAccessible']);
    const up = await prod.up();
    expect(up.problems).toEqual([]);
    expect(up.steps).toEqual(['update backup-daily', 'update database', 'update database-parameters']);
    expect((await prod.refresh()).steps).toEqual([]);
  });

  it('is not destroyed: protected, before anything else goes', async () => {
    const before = prod.state.length;
    const destroy = await prod.destroy();
    expect(destroy.problems.join('\n')).toMatch(/protected/);
    expect(prod.state.length).toBe(before);
    expect((await prod.up()).steps).toEqual([]);
  });

  it('goes once its protections are lifted, and leaves its final snapshot', async () => {
    prod.set('aws', { region: 'eu-west-1', protect: false });
    const lifted = await prod.up();
    expect(lifted.problems).toEqual([]);
    expect(lifted.paths['database']).toContain('deletionProtection');
    expect((await prod.destroy()).problems).toEqual([]);

    const { ecr, ecs, lambda, lacking, rds, scheduler, secrets } = prod.clients();
    expect((await ecr.describeRepositories({})).repositories).toEqual([]);
    expect((await ecs.listClusters({})).clusterArns).toEqual([]);
    expect((await ecs.listTaskDefinitions({})).taskDefinitionArns).toEqual([]);
    expect((await lambda.listFunctions({})).Functions).toEqual([]);
    expect((await scheduler.listSchedules({})).Schedules).toEqual([]);
    expect((await rds.describeDBInstances({})).DBInstances).toEqual([]);
    expect((await rds.describeDBProxies({})).DBProxies).toEqual([]);
    expect((await rds.describeDBSubnetGroups({})).DBSubnetGroups).toEqual([]);
    expect((await lacking?.rds.describeEventSubscriptions({}))?.EventSubscriptionsList).toEqual([]);
    expect((await secrets.listSecrets({})).SecretList).toEqual([]);
    const { DBSnapshots } = await rds.describeDBSnapshots({});
    expect(DBSnapshots?.map(({ DBSnapshotIdentifier: id, DBInstanceIdentifier: of }) => ({ id, of }))).toEqual([
      { id: expect.stringMatching(/^coach-prod-database-final-[0-9a-f]+$/) as unknown, of: INSTANCE },
    ]);
  });
});
