import { describe, expect, it } from 'vitest';

import { withHashes } from '../../../engine/apply/assets';
import { Deployment } from '../../../engine/apply/deployment';
import type { CheckResult, GivenPackages, Properties } from '../../../engine/apply/provider';
import { ProviderRegistry } from '../../../engine/apply/registry';
import { defaultProviderOf } from '../../../engine/apply/stepProvider';
import type { ResourceState } from '../../../engine/state/resource';
import { type PropertyMap, UNKNOWN } from '../../../engine/state/values';
import { MemoryProvider } from './memoryProvider';

/** Names things by number, as a real provider names what the program leaves unnamed. */
class NamingProvider extends MemoryProvider {
  readonly autonames = true;
  private count = 0;

  override check(_type: string, olds: Properties | undefined, news: Properties, urn = ''): Promise<CheckResult> {
    const title = olds?.['title'] ?? `${urn.split('::').at(-1)}-${++this.count}`;
    return Promise.resolve({ inputs: { ...news, title }, failures: [] });
  }

  planUpdate(_type: string, outputs: Properties, news: Properties): Properties {
    return { ...outputs, ...news };
  }
}

const provider = new NamingProvider();
const given: GivenPackages = {
  aws: {
    types: new Set(['aws:s3/bucket:Bucket']),
    open: () => provider,
    invokes: { 'aws:index/getRegion:getRegion': (args) => Promise.resolve({ ...args, region: 'eu-west-1' }) },
  },
};

let state: ResourceState[] = [];

function deployment(packages: GivenPackages | undefined, dryRun = false): Deployment {
  const memory = new MemoryProvider();
  const factories = { dynamic: memory, random: () => memory, postgresql: () => memory };
  return new Deployment({
    project: 'coach',
    stack: 'prod',
    folder: '/',
    dryRun,
    refreshes: () => true,
    olds: state,
    replace: new Set(),
    registry: new ProviderRegistry(factories, packages),
    ...(packages === undefined ? {} : { given: packages }),
    save: (resources) => {
      if (!dryRun) state = resources.map((resource) => ({ ...resource }));
      return Promise.resolve();
    },
    approve: () => Promise.resolve(true),
    onChange: () => undefined,
    onLog: () => undefined,
    now: () => new Date(0),
  });
}

const registration = (type: string, inputs: PropertyMap = {}) => ({
  ...defaultProviderOf('aws', '7.48.0'),
  type,
  name: 'backups',
  inputs: { name: 'backups', ...inputs },
  version: '7.48.0',
});

async function run(inputs: PropertyMap, dryRun = false): Promise<{ operation: string; outputs: PropertyMap }> {
  const running = deployment(given, dryRun);
  const { outputs } = await running.register(registration('aws:s3/bucket:Bucket', inputs));
  await running.finish();
  return { operation: running.changes.map(({ operation }) => operation).join(), outputs };
}

const refusal = { code: 'type-unsupported', kind: 'refused' };

describe('a package that the caller hands in', () => {
  it('is nobody’s who hands in none: types, provider and functions stay refused', async () => {
    const product = deployment(undefined);
    await expect(product.register(registration('aws:s3/bucket:Bucket'))).rejects.toMatchObject({
      ...refusal,
      object: 'aws:s3/bucket:Bucket backups',
    });
    await expect(deployment(undefined).register(registration('pulumi:providers:aws'))).rejects.toMatchObject(refusal);
    await expect(deployment(undefined).invoke('aws:index/getRegion:getRegion', {})).rejects.toThrow(
      'The function aws:index/getRegion:getRegion',
    );
  });

  it('answers for the types and functions it owns, no others', async () => {
    expect(await run({ size: 1 })).toMatchObject({ operation: 'create', outputs: { title: 'backups-1', size: 1 } });
    await expect(deployment(given).register(registration('aws:sqs/queue:Queue'))).rejects.toMatchObject({
      ...refusal,
      object: 'aws:sqs/queue:Queue backups',
    });
    expect(await deployment(given).invoke('aws:index/getRegion:getRegion', { name: 'x' })).toEqual({
      name: 'x',
      region: 'eu-west-1',
    });
    await expect(deployment(given).invoke('aws:index/getZone:getZone', {})).rejects.toThrow('getZone');
  });

  it('keeps in a plan what an update leaves alone, and its automatic name', async () => {
    expect(await run({ size: 2 }, true)).toMatchObject({
      operation: 'update',
      outputs: { title: 'backups-1', made: 'thing-1', size: 2 },
    });
    expect(await run({ size: 1 })).toMatchObject({ operation: 'same' });
  });

  it('names a replacement anew, since both are there for a while', async () => {
    const { operation, outputs } = await run({ size: 1, fixed: 'other' });
    expect(operation).toBe('replace');
    expect(outputs).toMatchObject({ made: 'thing-2', fixed: 'other' });
    expect(outputs['title']).not.toBe('backups-1');
    expect(provider.things.size).toBe(1);
  });
});

describe('assets', () => {
  const SIGNATURE = '4dabf18193072939515e22adb298388d';
  const text = (content: string): PropertyMap => ({ [SIGNATURE]: 'c44067f5952c0a294b673a41bacd8c17', text: content });
  const archive = (assets: PropertyMap): PropertyMap => ({ [SIGNATURE]: '0def7320c3a5731c473e5ecbe6d01bc7', assets });

  it('have the hashes that Pulumi 3.248 stores for them', () => {
    const { code } = withHashes({ code: archive({ 'index.js': text('exports.x=1'), 'b/g.json': text('{}\n') }) }, '/');
    expect(code).toMatchObject({
      hash: 'f67eefbb2d942b11524430e6b075ebc1f2c682c95794bf11a36df750d68f6f90',
      assets: {
        'index.js': { hash: 'e19e616a2cc5218270ee0ac3ec8416d687266215579d5dd1ba51aa8346e9d22e' },
        'b/g.json': { hash: 'ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356' },
      },
    });
  });

  it('are a change when their content is another, though the path is the same', async () => {
    const file = (): PropertyMap => ({ [SIGNATURE]: 'c44067f5952c0a294b673a41bacd8c17', path: __filename });
    const { one } = withHashes({ one: file(), unknown: UNKNOWN }, '/');
    expect(one).toMatchObject({ path: __filename, hash: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown });
    state = [];
    expect(await run({ code: archive({ a: text('1') }) })).toMatchObject({ operation: 'create' });
    expect(await run({ code: archive({ a: text('1') }) })).toMatchObject({ operation: 'same' });
    expect(await run({ code: archive({ a: text('2') }) })).toMatchObject({ operation: 'update' });
  });

  it('of a kind that is not known are refused', () => {
    const uri = { [SIGNATURE]: 'c44067f5952c0a294b673a41bacd8c17', uri: 'https://example.org/x' };
    expect(() => withHashes({ uri }, '/')).toThrow('assets of text and files');
  });
});
