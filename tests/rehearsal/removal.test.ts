import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ResourceState } from '../../engine/state/resource';
import { missing } from './emulators';
import { inventory } from './inventory';
import type { Rehearsal } from './rehearsal';
import { type RehearsalWithServer, startWithServer } from './withServer';

const absent = missing('ministack', 'moto');

describe.skipIf(absent !== '')(`the end of prod${absent}`, { timeout: 300_000 }, () => {
  let rehearsal: RehearsalWithServer;
  let prod: Rehearsal;
  let before: string[];
  beforeAll(async () => {
    rehearsal = await startWithServer();
    ({ prod } = rehearsal);
    before = await inventory(prod.clients());
    expect((await prod.up()).problems).toEqual([]);
  });
  afterAll(() => rehearsal.stop());

  const left = async (): Promise<string[]> => (await inventory(prod.clients())).filter((one) => !before.includes(one));

  it('is refused while anything is protected, before anything goes', async () => {
    const [standing, state] = [await left(), prod.state.map(({ urn }) => urn)];
    const refused = await prod.destroy();
    expect(refused.problems).toEqual([
      expect.stringMatching(/is protected, and all of the stack was to go\. Nothing was deleted\./),
    ]);
    expect(refused.changes).toEqual([]);
    expect(await left()).toEqual(standing);
    expect(prod.state.map(({ urn }) => urn)).toEqual(state);
  });

  it('begins with protect false, which changes the instance alone', async () => {
    prod.set('aws', { ...prod.setting('aws'), protect: false });
    const lifted = await prod.up();
    expect(lifted.problems).toEqual([]);
    expect(lifted.steps).toEqual(['update database']);
    expect(lifted.paths).toMatchObject({ database: ['deletionProtection'] });
    expect(prod.state.filter(({ protect }) => protect === true)).toEqual([]);
  });

  it('does not take backups along: a bucket with one in it stays, and stops the removal', async () => {
    const { s3 } = prod.clients();
    await s3.putObject({ Bucket: prod.id('backups'), Key: 'prod/daily/manifest.json', Body: '{}' });
    const stopped = await prod.destroy();
    expect(stopped.problems).toEqual([expect.stringMatching(/s3\/bucket:Bucket backups-\w+: BucketNotEmpty/)]);
    await expectClosed(prod.id('backups'));
  });

  /** What is left of the backups is still what it was. */
  async function expectClosed(Bucket: string): Promise<void> {
    const { s3 } = prod.clients();
    const lock = await s3.getObjectLockConfiguration({ Bucket });
    expect(lock.ObjectLockConfiguration?.Rule?.DefaultRetention).toMatchObject({ Mode: 'GOVERNANCE', Days: 7 });
    const { PublicAccessBlockConfiguration } = await s3.getPublicAccessBlock({ Bucket });
    expect(PublicAccessBlockConfiguration).toMatchObject({ BlockPublicPolicy: true, RestrictPublicBuckets: true });
    expect((await s3.getBucketPolicy({ Bucket })).Policy).toContain('aws:SecureTransport');
    expect((await s3.listObjectsV2({ Bucket })).KeyCount).toBe(1);
  }

  it('leaves the final snapshot, keys that wait, the backups in their bucket, and nothing else', async () => {
    const bucket = prod.id('backups');
    const keys = prod.state.filter(({ type }) => type === 'aws:kms/key:Key').map(({ id = '' }) => id);
    prod.state = withoutDependents(prod.state, prod.resource('backups').urn);
    const gone = await prod.destroy();
    expect(gone.problems).toEqual([]);
    expect(prod.state).toEqual([]);
    expect(await left()).toEqual([
      `bucket ${bucket}`,
      ...keys.map((key) => `key PendingDeletion ${key}`).sort(),
      expect.stringMatching(/^snapshot coach-prod-database-final-/),
    ]);
    await expectClosed(bucket);
  });
});

/** As `pulumi state delete --target-dependents`: the resource and all that is declared of it are forgotten, and stay. */
function withoutDependents(state: readonly ResourceState[], urn: string): ResourceState[] {
  const gone = new Set([urn]);
  // Who depends on something comes after it.
  for (const one of state) if (one.dependencies.some((other) => gone.has(other))) gone.add(one.urn);
  return state.filter((one) => !gone.has(one.urn));
}
