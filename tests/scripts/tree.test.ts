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

  describe('on a terminal of 80 columns', () => {
    const terminal = { columns: 80, colour: false, verbose: false };
    const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

    it('keeps a long value on one line, cut before a word', () => {
      const changed = [{ path: 'sql', kind: 'update' as const, before: 'a\n'.repeat(90), after: 'word '.repeat(90) }];
      const text = renderDeployment(deployment('up', change('x', 'update', { changed })), terminal);
      expect(widest(text)).toBeLessThanOrEqual(80);
      expect(text).toMatch(/=> (word )+word…$/m);
      expect(text).toContain('~ sql: a⏎a⏎');
    });

    it('breaks long lines between words, below their beginning', () => {
      const changed = [{ path: 'plan', kind: 'add' as const, after: ['one two three '.repeat(12).trim()] }];
      const text = renderDeployment(
        deployment('preview', change('x', 'update', { changed, error: 'because '.repeat(20).trim() })),
        terminal,
      );
      expect(widest(text)).toBeLessThanOrEqual(80);
      expect(text.match(/one|two|three/g)).toHaveLength(36);
      expect(text.match(/because/g)).toHaveLength(20);
    });
  });

  it('cuts and breaks nothing where there is no terminal', () => {
    const changed = [{ path: 'sql', kind: 'add' as const, after: `a\n${'b '.repeat(500)}` }];
    expect(renderDeployment(deployment('up', change('x', 'update', { changed })))).toContain(
      `+ sql: a⏎${'b '.repeat(500)}\n`,
    );
  });

  it('colours the signs where there are colours', () => {
    const text = renderDeployment(
      deployment('up', change('x', 'create'), change('y', 'delete'), change('z', 'update', { error: 'why' })),
      { columns: undefined, colour: true, verbose: false },
    );
    const [green, red, yellow] = [32, 31, 33].map((code) => `\u001b[${code}m`);
    for (const part of [`${green}+`, `${red}-`, `${yellow}~`, `${red}!`]) expect(text).toContain(part);
  });

  describe('a component of which everything is new', () => {
    const all = [
      change('stack', 'create', { type: 'pulumi:pulumi:Stack' }),
      change('roles', 'create', { parent: 'urn:stack', type: 'coach:database:Roles' }),
      change('a', 'create', { parent: 'urn:roles', durationMs: 700 }),
      change('b', 'create', { parent: 'urn:roles', durationMs: 800 }),
      change('c', 'create', { parent: 'urn:roles', type: 'postgresql:index/grant:Grant' }),
    ];

    it('is one line with the numbers of its resources', () => {
      expect(renderDeployment(deployment('up', ...all))).toBe(
        [
          '+ stack  pulumi:pulumi:Stack  created',
          '+ └─ roles  2 Role, Grant  created (1.5 s)',
          '',
          'Resources  created: 5, unchanged: 0',
          'Time       1.2 s',
        ].join('\n'),
      );
    });

    it('says once what all of them have to say', () => {
      const unseen = all.map((one, at) => (at < 2 ? one : { ...one, note: 'not yet checked: no server' }));
      expect(
        renderDeployment(deployment('preview', ...unseen))
          .split('\n')
          .slice(1, 3),
      ).toEqual(['+ └─ roles  2 Role, Grant  create', '         (not yet checked: no server)']);
    });

    it('is a tree where everything was asked for, or one of it has more to say', () => {
      const verbose = { columns: undefined, colour: false, verbose: true };
      expect(renderDeployment(deployment('up', ...all), verbose)).toContain('├─ b  postgresql:Role  created (0.8 s)');
      const failed = change('d', 'create', { parent: 'urn:roles', error: 'no' });
      expect(renderDeployment(deployment('up', ...all, failed))).toContain('├─ b  postgresql:Role');
    });

    it('names the migrations it will apply', () => {
      const migrations = change('m', 'create', {
        parent: 'urn:roles',
        type: 'pulumi-nodejs:dynamic/coach:Migrations',
        changed: [{ path: 'plan', kind: 'add', after: ['20250101000000_first (3 statements)'] }],
      });
      const trail = change('t', 'create', {
        parent: 'urn:roles',
        type: 'pulumi-nodejs:dynamic/coach:AuditTrail',
        changed: [{ path: 'plan', kind: 'add', after: ['+ 40 things'] }],
      });
      const text = renderDeployment(deployment('preview', ...all, migrations, trail));
      expect(text).toContain('20250101000000_first (3 statements)');
      expect(text).not.toContain('40 things');
    });

    it('also when all of it is gone, but not while it is still to go', () => {
      const gone = all.map((one) => ({ ...one, operation: 'delete' as const }));
      expect(renderDeployment(deployment('destroy', ...gone))).toContain('- └─ roles  2 Role, Grant  deleted (1.5 s)');
      expect(renderDeployment(deployment('preview', ...gone))).toContain('├─ b  postgresql:Role  delete');
    });
  });

  it('shortens type tokens', () => {
    expect(shortType('pulumi-nodejs:dynamic/coach:Index')).toBe('coach:Index');
    expect(shortType('random:index/randomPassword:RandomPassword')).toBe('random:RandomPassword');
    expect(shortType('pulumi:providers:random')).toBe('pulumi:providers:random');
  });
});
