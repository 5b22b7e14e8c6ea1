import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { DeploymentResult, ResourceChange } from '../../../engine/changes';
import { EventCollector } from '../../../engine/pulumi/collector';
import { type EngineEvent, parseEvent } from '../../../engine/pulumi/eventTypes';

const FIXTURES = join(__dirname, '../../fixtures/pulumi');
const EVENT_MS = 100;

interface Collected extends DeploymentResult {
  /** `operation name` in the order they were said to be done. */
  said: string[];
  messages: string[];
  pending: string[];
  outcome: string | undefined;
  by: (name: string) => ResourceChange;
}

/** Every event of a recorded run, 100 ms apart. */
function collect(
  fixture: string,
  operation: DeploymentResult['operation'],
  keep: (event: EngineEvent) => boolean = () => true,
): Collected {
  const said: string[] = [];
  const messages: string[] = [];
  const collector = new EventCollector({
    operation,
    onChange: (change) => said.push(`${change.error === undefined ? change.operation : 'failed'} ${change.name}`),
    onMessage: (severity, message) => messages.push(`${severity}: ${message}`),
  });
  const events = readFileSync(join(FIXTURES, `${fixture}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map(parseEvent);
  let now = 0;
  for (const event of events) if (event !== undefined && keep(event)) collector.accept(event, (now += EVENT_MS));
  const result = collector.result(now);
  const by = (name: string): ResourceChange => {
    const found = result.changes.find((change) => change.name === name);
    if (found === undefined) throw new Error(`no change of ${name}`);
    return found;
  };
  return { ...result, said, messages, pending: collector.pending, outcome: collector.outcome, by };
}

describe('an up', () => {
  it('that creates lists every resource in order, with time, parents, and outputs without secrets', () => {
    const result = collect('up-create', 'up');
    expect(result.changes.map(({ operation, name }) => `${operation} ${name}`)).toEqual([
      'create sample-local',
      'create pg',
      'create app',
      'create db',
    ]);
    expect(result.said).toEqual(['create pg', 'create app', 'create db', 'create sample-local']);
    expect(result.counts).toEqual({ create: 4, update: 0, replace: 0, delete: 0, same: 0, read: 0 });
    expect(result.outputs).toEqual({ owner: 'app', password: '[secret]' });
    expect(result.by('app')).toEqual({
      urn: 'urn:pulumi:local::sample::postgresql:index/role:Role::app',
      type: 'postgresql:index/role:Role',
      name: 'app',
      parent: 'urn:pulumi:local::sample::pulumi:pulumi:Stack::sample-local',
      operation: 'create',
      changed: [],
      replaces: [],
      durationMs: EVENT_MS,
    });
    expect(result.by('sample-local')).not.toHaveProperty('parent');
    expect(result.problems).toEqual([]);
    expect(result.outcome).toBe('succeeded');
  });

  it('that replaces counts a replacement once, says what forces it, and times it to its very end', () => {
    const result = collect('up-replace', 'up');
    expect(result.said).toEqual(['same g', 'replace pw', 'replace s', 'same sample-local']);
    expect(result.counts).toMatchObject({ replace: 2, same: 2, delete: 0 });
    expect(result.by('pw')).toMatchObject({
      replaces: ['length'],
      changed: [{ path: 'length', kind: 'update', before: 12, after: 14 }],
      durationMs: 11 * EVENT_MS,
    });
    expect(result.by('s')).toMatchObject({
      replaces: ['keepers'],
      changed: [
        { path: 'keepers', kind: 'update', before: expect.anything() as unknown, after: expect.anything() as unknown },
      ],
    });
    expect(JSON.stringify(result)).not.toContain('ciphertext');
  });

  it('that reads the real resources first reports only what it then did, with what the reading found', () => {
    const result = collect('up-refresh', 'up');
    expect(result.counts).toMatchObject({ create: 1, update: 1, same: 3 });
    expect(result.by('app')).toMatchObject({
      operation: 'update',
      changed: [
        { path: 'connectionLimit', kind: 'update', before: 9, after: 7 },
        { path: 'login', kind: 'update', before: false, after: true },
      ],
    });
    expect(result.said.filter((line) => line.endsWith(' app'))).toEqual(['update app']);
  });

  it('says that something was in the state but is gone', () => {
    const urn = 'urn:pulumi:local::sample::postgresql:index/role:Role::extra';
    const step = { op: 'refresh', urn, type: 'postgresql:index/role:Role', detailedDiff: null };
    const state = { type: step.type, urn, custom: true, id: 'x', parent: '', inputs: {}, outputs: {} };
    const collector = new EventCollector({ operation: 'up', onChange: () => undefined, onMessage: () => undefined });
    collector.accept({ resourcePreEvent: { metadata: { ...step, old: state, new: state } } }, 0);
    collector.accept({ resOutputsEvent: { metadata: { ...step, old: state, new: null } } }, 1);
    expect(collector.result(1).changes).toEqual([]);
    collector.accept({ resourcePreEvent: { metadata: { ...step, op: 'create', old: null, new: state } } }, 2);
    expect(collector.result(1).changes).toMatchObject([
      { operation: 'create', note: 'was in the state but no longer exists' },
    ]);
  });

  it('that fails gives each reason once, with its resource, and counts what failed as nothing', () => {
    const result = collect('up-failed', 'up');
    const reason = 'error creating role other: pq: role "other" already exists (42710)';
    expect(result.by('extra')).toMatchObject({ operation: 'create', error: reason });
    expect(result.counts).toMatchObject({ create: 0, update: 1 });
    expect(result.problems).toMatchObject([
      {
        code: 'resource-failed',
        message: `postgresql:index/role:Role extra: ${reason}`,
        object: 'urn:pulumi:local::sample::postgresql:index/role:Role::extra',
      },
    ]);
    expect(result.said).toContain('failed extra');
    expect(result.outcome).toBe('failed');
  });

  it('whose program fails says so before everything else, in its own words', () => {
    const result = collect('program-failed', 'up');
    expect(result.problems[0]).toMatchObject({
      code: 'program-error',
      message: 'The settings are wrong:\n- told to fail',
    });
    expect(result.problems.map(({ message }) => message)).not.toContain('update failed');
  });

  it('that is cut off marks what was being done as not done', () => {
    const result = collect('up-create', 'up', (event) => event.summaryEvent === undefined && !isEndOf(event, '::db'));
    expect(result.by('db').error).toBe('Pulumi ended before this was done.');
    expect(result.by('app').error).toBeUndefined();
    expect(result.counts.create).toBe(3);
    expect(result.outcome).toBeUndefined();
  });
});

function isEndOf(event: EngineEvent, name: string): boolean {
  return event.resOutputsEvent?.metadata.urn.endsWith(name) === true;
}

describe('a preview', () => {
  it('shows changed properties, secrets and unknown values by name only', () => {
    const result = collect('preview-update', 'preview');
    expect(result.operation).toBe('preview');
    expect(result.by('app')).toMatchObject({
      operation: 'update',
      changed: [
        { path: 'connectionLimit', kind: 'update', before: 5, after: 7 },
        { path: 'password', kind: 'update', before: '[secret]', after: '[secret]' },
      ],
    });
    expect(result.by('extra')).toMatchObject({ operation: 'create', changed: [] });
    expect(collect('preview-replace', 'preview').outputs).toMatchObject({
      id: '[unknown]',
      password: '[unknown]',
      plain: 8,
    });
  });
});

describe('a refresh', () => {
  it('lists what really is different or gone', () => {
    const result = collect('refresh', 'refresh');
    expect(result.counts).toMatchObject({ update: 1, delete: 1, same: 3, create: 0 });
    expect(result.by('app').changed).toEqual([{ path: 'connectionLimit', kind: 'update', before: 7, after: 9 }]);
    expect(result.by('extra')).toMatchObject({ operation: 'delete', note: 'no longer exists' });
    expect(result.outputs).toEqual({ owner: 'app', password: '[secret]' });
  });
});

describe('a destroy', () => {
  it('lists what it deleted, dependents first', () => {
    const result = collect('destroy', 'destroy');
    expect(result.changes.map(({ operation, name }) => `${operation} ${name}`)).toEqual([
      'delete s',
      'delete pw',
      'delete g',
      'delete sample-local',
    ]);
  });

  it('says what is protected', () => {
    const result = collect('destroy-protected', 'destroy');
    expect(result.counts.delete).toBe(0);
    expect(result.problems).toHaveLength(1);
    expect(result.problems[0]?.message).toMatch(/database:Database db: .*cannot be deleted\nbecause it is protected/);
  });
});

describe('messages', () => {
  it('never pass on debug messages, which hold secrets in the clear', () => {
    const messages: string[] = [];
    const collector = new EventCollector({
      operation: 'up',
      onChange: () => undefined,
      onMessage: (severity, message) => messages.push(`${severity} ${message}`),
    });
    for (const severity of ['debug', 'info', 'info#err', 'warning', 'error']) {
      collector.accept({ diagnosticEvent: { severity, message: `${severity}!\n` } }, 0);
    }
    collector.accept({ diagnosticEvent: { severity: 'info', message: 'passing', ephemeral: true } }, 0);
    expect(messages).toEqual(['info info!', 'info info#err!', 'warning warning!', 'error error!']);
  });

  it('tell of operations an earlier run left', () => {
    const collector = new EventCollector({ operation: 'up', onChange: () => undefined, onMessage: () => undefined });
    const urn = 'urn:pulumi:dev::proof::postgresql:index/role:Role::app';
    const message = `Attempting to deploy or update resources with 1 pending operations from previous deployment.\n  * ${urn}, interrupted while creating\nThese resources are in an unknown state`;
    collector.accept({ diagnosticEvent: { severity: 'warning', message } }, 0);
    expect(collector.pending).toEqual([`${urn}, interrupted while creating`]);
  });

  it('are read from lines of JSON, whatever else is printed between them', () => {
    expect(parseEvent('')).toBeUndefined();
    expect(parseEvent('plugin says {hello}')).toBeUndefined();
    expect(parseEvent('{"half":')).toBeUndefined();
    expect(parseEvent('{"sequence":1}')).toEqual({ sequence: 1 });
  });
});
