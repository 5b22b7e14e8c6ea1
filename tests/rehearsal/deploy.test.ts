import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { EMULATOR_FAULTS } from './emulatorFaults';
import { missing } from './emulators';
import type { Rehearsal } from './rehearsal';
import { type RehearsalWithServer, startWithServer } from './withServer';

const absent = missing('ministack', 'moto');
if (absent !== '') process.stderr.write(`rehearsal of prod${absent}\n`);

describe.skipIf(absent !== '')(`prod against emulators${absent}`, { timeout: 300_000 }, () => {
  let rehearsal: RehearsalWithServer;
  let prod: Rehearsal;
  beforeAll(async () => {
    rehearsal = await startWithServer();
    ({ prod } = rehearsal);
  });
  afterAll(() => rehearsal.stop());

  it('is planned as a whole: everything is created', async () => {
    const preview = await prod.preview();
    expect(preview.problems).toEqual([]);
    expect(preview.changes.filter(({ operation }) => operation !== 'create')).toEqual([]);
  });

  it('is brought up, and is unchanged after that', async () => {
    const up = await prod.up();
    expect(up.problems).toEqual([]);
    expect(up.names('same')).toEqual([]);
    const again = await prod.up();
    expect(again.problems).toEqual([]);
    expect(again.paths).toEqual({});
    expect((await prod.refresh()).paths).toEqual({});
  });

  it('takes another rotation of the backups: in the lifecycle, and in the task that prunes', async () => {
    prod.set('backup', { ...prod.setting('backup'), monthly: 24 });
    const steps = [
      'replace backup-definition',
      'update backup-daily',
      'update backup-weekly',
      'update backups-lifecycle',
    ];
    expect((await prod.preview()).steps).toEqual(steps);
    const up = await prod.up();
    expect(up.problems).toEqual([]);
    expect(up.steps).toEqual(steps);
    expect(up.paths['backups-lifecycle']).toEqual(['rules']);
    const { Rules } = await prod.clients().s3.getBucketLifecycleConfiguration({ Bucket: prod.id('backups') });
    expect(Rules?.find(({ ID }) => ID === 'monthly')?.Expiration?.Days).toBeGreaterThan(24 * 28);
  });

  it('needs every fault of the emulators that is listed', () => {
    const listed = Object.entries(EMULATOR_FAULTS).flatMap(([type, paths]) => paths.map((path) => `${type} ${path}`));
    expect([...prod.faults].sort()).toEqual(listed.sort());
  });
});
