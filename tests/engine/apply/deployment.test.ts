import { describe, expect, it } from 'vitest';

import { Deployment, type DeploymentOptions } from '../../../engine/apply/deployment';
import { refreshResources } from '../../../engine/apply/refresh';
import { ProviderRegistry } from '../../../engine/apply/registry';
import { removeResources } from '../../../engine/apply/removal';
import { defaultProviderOf } from '../../../engine/apply/stepProvider';
import type { Registration } from '../../../engine/protocol/registration';
import type { ResourceState } from '../../../engine/state/resource';
import { type PropertyMap, Secret, UNKNOWN } from '../../../engine/state/values';
import { MemoryProvider } from './memoryProvider';

const SERVER = 'pulumi-nodejs:dynamic/coach:Server';

function registration(name: string, inputs: PropertyMap, options: Partial<Registration> = {}): Registration {
  return { ...defaultProviderOf('', ''), type: SERVER, name, inputs: { name, ...inputs }, ...options };
}

class World {
  readonly provider = new MemoryProvider();
  state: ResourceState[] = [];
  saves = 0;
  /** Name of what each save said was about to be made. */
  announced: string[] = [];
  approved = true;
  asked: string[] = [];

  async run(registrations: Registration[], options: Partial<DeploymentOptions> = {}): Promise<Deployment> {
    const deployment = this.start(options);
    for (const each of registrations) await deployment.register(each);
    await deployment.finish();
    return deployment;
  }

  start(options: Partial<DeploymentOptions> = {}): Deployment {
    const { provider } = this;
    return new Deployment({
      project: 'coach',
      stack: 'local',
      dryRun: false,
      refreshes: () => true,
      olds: this.state,
      folder: '/',
      replace: new Set(),
      registry: new ProviderRegistry({ dynamic: provider, random: () => provider, postgresql: () => provider }),
      save: (resources, creating) => {
        this.announced.push(creating?.urn.split('::').at(-1) ?? '');
        this.state = structuredCloneOf(resources);
        this.saves += 1;
        return Promise.resolve();
      },
      approve: (changes) => {
        this.asked.push(...changes.map(({ operation, name }) => `${operation} ${name}`));
        return Promise.resolve(this.approved);
      },
      onChange: () => undefined,
      onLog: () => undefined,
      now: () => new Date(0),
      ...options,
    });
  }
}

/** Keeps Secret instances: only the containers are copied. */
function structuredCloneOf(resources: ResourceState[]): ResourceState[] {
  return resources.map((resource) => ({
    ...resource,
    inputs: { ...resource.inputs },
    outputs: { ...resource.outputs },
  }));
}

function operations(deployment: Deployment): Record<string, string> {
  return Object.fromEntries(deployment.changes.map(({ name, operation }) => [name, operation]));
}

describe('deployment', () => {
  it('creates, leaves alone, updates and deletes, saving after each step that changed something', async () => {
    const world = new World();
    expect(operations(await world.run([registration('a', { x: 1 }), registration('b', { x: 1 })]))).toEqual({
      a: 'create',
      b: 'create',
    });
    expect(world.saves).toBe(3);
    expect(operations(await world.run([registration('a', { x: 1 }), registration('b', { x: 1 })]))).toEqual({
      a: 'same',
      b: 'same',
    });
    expect(world.saves).toBe(3);
    const third = await world.run([registration('a', { x: 2 })]);
    expect(operations(third)).toEqual({ a: 'update', b: 'delete' });
    expect(third.changes.find(({ name }) => name === 'a')?.changed).toEqual([
      { path: 'x', kind: 'update', before: 1, after: 2 },
    ]);
    expect(world.provider.calls).toEqual(['create a', 'create b', 'update a', 'delete b']);
    expect(world.asked).toEqual(['delete b']);
  });

  it('saves a step before it reports it: what was shown as done survives a kill', async () => {
    const world = new World();
    const reported: string[] = [];
    const onChange: DeploymentOptions['onChange'] = ({ operation, name, urn }) => {
      const saved = world.state.find((resource) => resource.urn === urn);
      reported.push(
        `${operation} ${name}: ${saved === undefined ? 'not in the state' : JSON.stringify(saved.inputs['x'])}`,
      );
    };
    await world.run([registration('a', { x: 1 }), registration('b', { x: 1 })], { onChange });
    await world.run([registration('a', { x: 2 })], { onChange });
    expect(reported).toEqual(['create a: 1', 'create b: 1', 'update a: 2', 'delete b: not in the state']);
  });

  it('repairs what was changed or removed behind its back', async () => {
    const world = new World();
    await world.run([registration('a', { x: 1 }), registration('b', { x: 1 })]);
    world.provider.things.set('thing-1', { name: 'a', x: 9 });
    world.provider.things.delete('thing-2');
    const repaired = await world.run([registration('a', { x: 1 }), registration('b', { x: 1 })]);
    expect(operations(repaired)).toMatchObject({ a: 'update', b: 'create' });
    expect(repaired.changes.find(({ name }) => name === 'a')?.changed).toEqual([
      { path: 'x', kind: 'update', before: 9, after: 1 },
    ]);
    expect(world.provider.things.get('thing-1')).toMatchObject({ x: 1 });
    expect(world.state.filter(({ custom, type }) => custom && type === SERVER)).toHaveLength(2);
  });

  it('goes on after a step that failed, with what was done before it kept', async () => {
    const world = new World();
    world.provider.failOn = 'create b';
    const names = ['a', 'b', 'c'].map((name) => registration(name, {}));
    const broken = world.start();
    await broken.register(names[0] as Registration);
    await expect(broken.register(names[1] as Registration)).rejects.toThrow('on purpose');
    await expect(broken.register(names[2] as Registration)).rejects.toThrow('earlier step failed');
    expect(world.state.map(({ urn }) => urn.split('::').pop())).toEqual(['default', 'a']);
    expect(broken.changes.at(-1)?.error).toContain('on purpose');
    world.provider.failOn = undefined;
    expect(operations(await world.run(names))).toEqual({ a: 'same', b: 'create', c: 'create' });
  });

  it('replaces: the new one first, the old one last, and asks before', async () => {
    const world = new World();
    await world.run([registration('a', { fixed: 1 })]);
    const replaced = await world.run([registration('a', { fixed: 2 })]);
    expect(replaced.changes.map(({ operation }) => operation)).toEqual(['replace']);
    expect(world.provider.calls).toEqual(['create a', 'create a', 'delete a']);
    expect([...world.provider.things.keys()]).toEqual(['thing-2']);
    expect(world.asked).toContain('replace a');
  });

  it('finishes a replacement that was cut off before the old one was deleted', async () => {
    const world = new World();
    await world.run([registration('a', { fixed: 1 })]);
    const cut = world.start();
    await cut.register(registration('a', { fixed: 2 }));
    expect(world.state.some((state) => state.delete === true)).toBe(true);
    await world.run([registration('a', { fixed: 2 })]);
    expect([...world.provider.things.keys()]).toEqual(['thing-2']);
    expect(world.state.some((state) => state.delete === true)).toBe(false);
  });

  it('replaces nothing and deletes nothing without approval, nor anything protected', async () => {
    const world = new World();
    await world.run([registration('a', { fixed: 1 }, { protect: true }), registration('b', {})]);
    world.approved = false;
    await expect(world.run([registration('a', { fixed: 2 }, { protect: true })])).rejects.toMatchObject({
      code: 'replace-protected',
    });
    await expect(world.run([registration('a', { fixed: 1 }, { protect: true })])).rejects.toMatchObject({
      code: 'delete-declined',
    });
    await expect(world.run([registration('b', {})])).rejects.toMatchObject({ code: 'delete-protected' });
    expect(world.provider.things.size).toBe(2);
  });

  it('says what was done and what not where a deletion or replacement is declined', async () => {
    const world = new World();
    await world.run([registration('gone', {}), registration('kept', { size: 1 }), registration('same', {})]);
    world.approved = false;
    const [kept, same] = [registration('kept', { size: 2 }), registration('same', {})];
    await expect(world.run([kept, same, registration('new', {})])).rejects.toMatchObject({
      code: 'delete-declined',
      message:
        'Deleting gone was not approved, so nothing was deleted. Done before it, and kept: kept (updated), new (created).',
    });
    await expect(world.run([kept, same, registration('new', {})])).rejects.toMatchObject({
      message: 'Deleting gone was not approved, so nothing was deleted. Nothing was changed.',
    });
    await expect(
      world.run([registration('kept', { size: 3 }), registration('same', { fixed: 2 })]),
    ).rejects.toMatchObject({
      code: 'replace-declined',
      message: expect.stringMatching(
        /same was not approved, so nothing further was done\. Done before it, and kept: kept \(updated\)\.$/,
      ) as string,
    });
  });

  it('forgets what is deleted with another resource that goes too', async () => {
    const world = new World();
    const first = await world.run([registration('server', {})]);
    const urn = first.changes.find(({ name }) => name === 'server')?.urn ?? '';
    await world.run([registration('server', {}), registration('inside', {}, { deletedWith: urn })]);
    await world.run([]);
    expect(world.provider.calls).toEqual(['create server', 'create inside', 'delete server']);
    expect(world.state).toEqual([]);
  });

  it('keeps the outputs of the run before when the program fails, and begins none of the steps it still asked for', async () => {
    const world = new World();
    const stack = { type: 'pulumi:pulumi:Stack', custom: false };
    const first = world.start();
    const { urn } = await first.register(registration('coach-local', {}, stack));
    await first.registerOutputs(urn, { port: 5432 });
    await first.finish();
    const outputs = (): unknown => world.state.find((state) => state.urn === urn)?.outputs;
    expect(outputs()).toEqual({ port: 5432 });

    const broken = world.start();
    await broken.register(registration('coach-local', {}, stack));
    // What the SDK does for a program that threw.
    await broken.registerOutputs(urn, {});
    const running = broken.register(registration('a', {}));
    const waiting = broken.register(registration('b', {})).catch((error: unknown) => error);
    await Promise.resolve();
    await broken.stop(new Error('the program threw'));
    await running;
    expect(await waiting).toBeInstanceOf(Error);
    expect(world.provider.calls).toEqual(['create a']);
    expect(outputs()).toEqual({ port: 5432 });
    expect(world.state.some((state) => state.urn.endsWith('::a'))).toBe(true);
  });

  it('plans without touching anything', async () => {
    const world = new World();
    const planned = await world.run([registration('a', { x: 1 })], { dryRun: true });
    expect(operations(planned)).toMatchObject({ a: 'create' });
    expect(world.provider.calls).toEqual([]);
    expect(world.saves).toBe(0);
  });

  it('keeps secrets marked in the state and out of the report', async () => {
    const world = new World();
    await world.run([registration('a', { password: new Secret('first') })]);
    const changed = await world.run([registration('a', { password: new Secret('second') })]);
    const state = world.state.find(({ urn }) => urn.endsWith('::a'));
    expect(state?.outputs['password']).toEqual(new Secret('second'));
    expect(changed.changes.find(({ name }) => name === 'a')?.changed).toEqual([
      { path: 'password', kind: 'update', before: '[secret]', after: '[secret]' },
    ]);
    expect(JSON.stringify(changed.changes)).not.toMatch(/first|second/);
  });

  it('refuses what it does not know, naming type or option', async () => {
    const world = new World();
    await expect(world.run([registration('b', {}, { type: 'aws:s3/bucket:Bucket' })])).rejects.toMatchObject({
      code: 'type-unsupported',
      kind: 'refused',
    });
    await expect(world.run([registration('b', {}, { ignoreChanges: ['x.y'], importId: 'i' })])).rejects.toThrow(
      /ignoreChanges, import/,
    );
    await expect(world.run([registration('a', {}), registration('a', {})])).rejects.toMatchObject({
      code: 'duplicate-resource',
    });
    await expect(world.run([registration('c', { bad: true })])).rejects.toThrow(/bad: expected good/);
  });

  it('says what it takes over, remembers that in ignored inputs, and never looks for it again', async () => {
    const world = new World();
    world.provider.taken = { note: 'takes over it', inputs: { kept: true } };
    const declared = registration('a', { size: 1 }, { ignoreChanges: ['kept'] });
    expect((await world.run([declared], { dryRun: true })).changes[0]).toMatchObject({ note: 'takes over it' });
    expect((await world.run([declared])).changes[0]).toMatchObject({ operation: 'create', note: 'takes over it' });
    world.provider.taken = undefined;
    expect((await world.run([declared])).changes[0]).toMatchObject({ operation: 'same' });
    expect(world.state.find(({ urn }) => urn.endsWith('::a'))?.inputs).toMatchObject({ size: 1, kept: true });
    await world.run([registration('a', { size: 2 }, { ignoreChanges: ['kept'] })]);
    expect(world.state.find(({ urn }) => urn.endsWith('::a'))?.inputs).toMatchObject({ size: 2, kept: true });
  });

  it('contacts nothing through a provider whose configuration is unknown yet', async () => {
    const world = new World();
    const provider = { type: 'pulumi:providers:postgresql', name: 'p', inputs: { password: UNKNOWN } };
    const deployment = world.start({ dryRun: true });
    const { urn, id } = await deployment.register(registration('p', {}, provider));
    const role = { type: 'postgresql:index/role:Role', provider: `${urn}::${id ?? ''}` };
    await deployment.register(registration('r', { bad: true }, role));
    expect(operations(deployment)).toEqual({ p: 'create', r: 'create' });
  });

  it('deletes first where the new one takes the old one’s place', async () => {
    const world = new World();
    await world.run([registration('a', { place: 1 }), registration('b', { fixed: 1 })]);
    world.provider.calls.length = 0;
    const changed = [registration('a', { place: 2 }), registration('b', { fixed: 2 })];
    expect(operations(await world.run(changed, { dryRun: true }))).toEqual({ a: 'replace', b: 'replace' });
    expect(world.provider.calls).toEqual([]);
    expect(operations(await world.run(changed))).toEqual({ a: 'replace', b: 'replace' });
    expect(world.provider.calls).toEqual(['delete a', 'create a', 'create b', 'delete b']);
    expect(world.provider.things.size).toBe(2);
  });
});

describe('what cannot be made twice', () => {
  const role = registration('app', {}, { type: 'postgresql:index/role:Role' });

  it('is told the state before it is made, and only then', async () => {
    const world = new World();
    world.provider.failOn = 'create app';
    const deployment = world.start();
    await expect(deployment.register(role)).rejects.toThrow('on purpose');
    expect(world.announced.slice(-2)).toEqual(['app', '']);

    world.announced = [];
    world.provider.failOn = undefined;
    await world.run([role, registration('other', {})]);
    expect(world.announced.filter((name) => name !== '')).toEqual(['app']);
    expect(world.announced.at(-1)).toBe('');
    world.announced = [];
    await world.run([role, registration('other', {})], { dryRun: true });
    expect(world.announced).toEqual([]);
  });
});

describe('an interrupt', () => {
  it('of a refresh or a removal ends before the next resource, with what is done stored', async () => {
    const world = new World();
    await world.run([registration('a', {}), registration('b', {})]);
    const [provider, a, b] = world.state;
    if (provider === undefined || a === undefined || b === undefined) throw new Error('nothing was made');
    const registry = world.start().options.registry;
    const interrupt = new AbortController();
    const saved: string[][] = [];
    const names = (resources: readonly ResourceState[]): string[] =>
      resources.map(({ urn }) => urn.split('::').at(-1) ?? '');
    world.provider.things.delete(a.id ?? '');
    const save = (resources: ResourceState[]): Promise<void> => {
      saved.push(names(resources));
      interrupt.abort();
      return Promise.resolve();
    };
    const refresh = refreshResources([provider, a, b], registry, () => undefined, save, interrupt.signal);
    await expect(refresh).rejects.toMatchObject({ code: 'interrupted', kind: 'interrupted' });
    expect(saved.at(-1)).toEqual(names([provider, b]));

    const again = new AbortController();
    const removed: string[] = [];
    const removal = removeResources([a, b], {
      dryRun: false,
      registry,
      approve: () => Promise.resolve(true),
      lookup: () => provider,
      record: () => undefined,
      changes: [],
      removed: (state) => {
        removed.push(...names([state]));
        again.abort();
        return Promise.resolve();
      },
      signal: again.signal,
    });
    await expect(removal).rejects.toMatchObject({ code: 'interrupted' });
    expect(removed).toEqual(['b']);
  });
});
