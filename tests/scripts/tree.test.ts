import { describe, expect, it } from 'vitest';

import { countOperations, type DeploymentResult, type ResourceChange } from '../../engine/changes';
import { renderDeployment, shortType } from '../../scripts/report/tree';

function change(
  name: string,
  operation: ResourceChange['operation'],
  more: Partial<ResourceChange> = {},
): ResourceChange {
  return {
    urn: `urn:${name}`,
    type: 'postgresql:index/role:Role',
    name,
    operation,
    changed: [],
    replaces: [],
    ...more,
  };
}

function deployment(operation: DeploymentResult['operation'], ...changes: ResourceChange[]): DeploymentResult {
  return { operation, changes, counts: countOperations(changes), outputs: {}, durationMs: 1234, problems: [] };
}

describe('the tree of changes', () => {
  it('shows changed resources below unchanged parents, properties below them, and counts the rest', () => {
    const text = renderDeployment(
      deployment(
        'up',
        change('stack', 'same', { type: 'pulumi:pulumi:Stack' }),
        change('roles', 'same', { parent: 'urn:stack', type: 'coach:database:Roles' }),
        change('app', 'update', {
          parent: 'urn:roles',
          durationMs: 60,
          changed: [{ path: 'connectionLimit', kind: 'update', before: 20, after: 25 }],
        }),
        change('other', 'same', { parent: 'urn:roles' }),
        change('new', 'create', { parent: 'urn:stack', durationMs: 1500 }),
      ),
    );
    expect(text).toBe(
      [
        '  stack  pulumi:pulumi:Stack  unchanged',
        '  ├─ roles  coach:database:Roles  unchanged',
        '~ │  └─ app  postgresql:Role  updated (0.1 s)',
        '  │         ~ connectionLimit: 20 => 25',
        '+ └─ new  postgresql:Role  created (1.5 s)',
        '',
        'Resources  created: 1, updated: 1, unchanged: 3',
        'Time       1.2 s',
      ].join('\n'),
    );
  });

  it('speaks of what would be done in a preview, and says what forces a replacement', () => {
    const text = renderDeployment(
      deployment(
        'preview',
        change('db', 'replace', {
          replaces: ['encoding'],
          changed: [{ path: 'encoding', kind: 'update', before: 'UTF8', after: 'LATIN1' }],
        }),
      ),
    );
    expect(text).toContain('± db  postgresql:Role  replace\n');
    expect(text).toContain('~ encoding: UTF8 => LATIN1  [replaces]');
    expect(text).toContain('to replace: 1');
  });

  it('lists the steps a handler found, a line each', () => {
    const text = renderDeployment(
      deployment(
        'preview',
        change('trail', 'update', {
          changed: [
            { path: 'hashChain', kind: 'update', before: false, after: true },
            { path: 'plan', kind: 'update', before: ['+ old'], after: ['+ trigger hash_row: fires always', '~ b: c'] },
          ],
        }),
      ),
    );
    expect(text).toContain(
      ['~ hashChain: false => true', 'steps:', '  + trigger hash_row: fires always', '  ~ b: c']
        .map((line) => `      ${line}`)
        .join('\n'),
    );
    expect(text).not.toContain('old');
  });

  it('shows what failed and why, every line', () => {
    const text = renderDeployment(deployment('up', change('x', 'create', { error: 'first\nsecond' })));
    expect(text).toContain('x  postgresql:Role  failed');
    expect(text).toContain('! first\n');
    expect(text).toContain('! second');
    expect(text).toContain('failed: 1');
  });

  it('keeps a long value on one line of a terminal', () => {
    const changed = [{ path: 'sql', kind: 'add' as const, after: `a\n${'b'.repeat(500)}` }];
    const lines = renderDeployment(deployment('up', change('x', 'update', { changed }))).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('shortens type tokens', () => {
    expect(shortType('pulumi-nodejs:dynamic/coach:Index')).toBe('coach:Index');
    expect(shortType('random:index/randomPassword:RandomPassword')).toBe('random:RandomPassword');
    expect(shortType('pulumi:providers:random')).toBe('pulumi:providers:random');
  });
});
