import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { GraphResource } from '../../engine/graph/graph';
import { PLAIN_SDK } from '../../engine/protocol/sdkProcess';
import { TestProject } from '../support/project';

let project: TestProject;
beforeAll(() => {
  project = new TestProject();
});
afterAll(() => project.remove());

async function graphOf(stack: string, environment: NodeJS.ProcessEnv = {}): Promise<GraphResource[]> {
  const { code, report, stderr } = await project.json(['graph', '--stack', stack], environment);
  expect(code, stderr).toBe(0);
  expect(report).toMatchObject({ command: 'graph', stack, status: 'ok', problems: [] });
  return report['resources'] as GraphResource[];
}

describe('graph', () => {
  it('draws the local stack with parents, dependencies, protection and secrets marked', async () => {
    const resources = await graphOf('local');
    const byName = (type: string, name: string): GraphResource | undefined =>
      resources.find((resource) => resource.type === type && resource.name === name);
    const server = byName('pulumi-nodejs:dynamic/coach:Server', 'server');
    expect(server).toMatchObject({ custom: true, protect: true });
    expect(server?.inputs['adminPassword']).toBe('[secret]');
    expect(byName('postgresql:index/database:Database', 'database')).toMatchObject({
      protect: true,
      deletedWith: server?.urn,
    });
    const inside = resources.filter(({ custom, type }) => custom && /^(postgresql:index|pulumi-nodejs)/.test(type));
    for (const resource of inside.filter(({ urn }) => urn !== server?.urn)) {
      expect(resource.deletedWith, resource.urn).toBe(server?.urn);
    }
    // Destroyed first, and protected: nothing of the database is gone when the whole is refused.
    const trail = byName('pulumi-nodejs:dynamic/coach:AuditTrail', 'audit-trail');
    expect(trail?.protect).toBe(true);
    const before = new Set([trail?.urn ?? '']);
    for (const urn of before) {
      const { dependencies = [], deletedWith = '' } = resources.find((one) => one.urn === urn) ?? {};
      for (const needed of [...dependencies, deletedWith]) before.add(needed);
    }
    expect(inside.map(({ urn }) => urn).filter((urn) => !before.has(urn))).toEqual([]);
    // The provider knows host and port beforehand: only its password comes from another resource.
    const provider = byName('pulumi:providers:postgresql', 'database-server');
    expect(provider?.inputs['host']).toBe('127.0.0.1');
    expect(provider?.dependencies).toContain(server?.urn);
    expect(JSON.stringify(resources)).not.toContain('__provider');
    expect(resources.filter(({ type }) => type.endsWith('coach:Index')).map(({ name }) => name)).toEqual([
      'idx_assessment_student',
      'idx_completed_lesson_student',
      'idx_student_language',
      'idx_student_location',
      'idx_user_email',
    ]);
  });

  it('draws dev offline and says what it does not declare yet', async () => {
    const { report } = await project.json(['graph', '--stack', 'dev']);
    expect((report['resources'] as unknown[]).length).toBeGreaterThan(5);
    expect(String((report['notices'] as string[])[0])).toMatch(/not part of the program/);
  });

  it('is the same twice, and with the SDK loaded as it is', async () => {
    const resources = await graphOf('local');
    expect(await graphOf('local')).toEqual(resources);
    expect(await graphOf('local', { [PLAIN_SDK]: '1' })).toEqual(resources);
  });

  it('is that of every checkout and machine: no file is written, what a machine decides is a symbol', async () => {
    const other = new TestProject();
    try {
      rmSync(other.path('.coachdb'), { recursive: true });
      other.set('tuning', 'auto');
      other.set('parameters', { work_mem: '8MB' });
      const { code, report, stderr } = await other.json(['graph']);
      expect(code, stderr).toBe(0);
      expect(existsSync(other.path('.coachdb'))).toBe(false);
      const resources = report['resources'] as GraphResource[];
      const server = resources.find(({ type }) => type.endsWith('coach:Server'));
      expect(server?.inputs).toMatchObject({
        port: '‹port›',
        // From the project's folder on, wherever that is.
        dataDirectory: '.coachdb/local/data',
        parameters: { work_mem: '8MB', shared_buffers: '‹sized from the machine›' },
      });
      expect(report['outputs']).toMatchObject({ port: '‹port›' });
      expect(JSON.stringify(report)).not.toContain(other.root);
      for (const key of ['tuning', 'parameters']) other.set(key, undefined);
      const again = await other.json(['graph']);
      expect(again.report['resources']).toEqual(await graphOf('local'));
    } finally {
      await other.remove();
    }
  });

  it(
    'finds nothing between a clean clone and its last commit, and then what was changed',
    { timeout: 180_000 },
    async () => {
      const clone = new TestProject();
      const git = (...args: string[]): Buffer =>
        execFileSync('git', ['-C', clone.root, '-c', 'user.name=a', '-c', 'user.email=a@localhost', ...args]);
      try {
        rmSync(clone.path('.coachdb'), { recursive: true });
        writeFileSync(clone.path('.gitignore'), 'node_modules\ndist\n.coachdb\napp/generated\n');
        git('init', '--quiet');
        git('add', '.');
        git('commit', '--quiet', '-m', 'first');
        const changesOf = async (): Promise<string[]> => {
          const { code, report, stderr } = await clone.json(['graph', '--base', 'HEAD']);
          expect(code, stderr).toBe(0);
          const changes = report['changes'] as { name: string; operation: string }[];
          return changes
            .filter(({ operation }) => operation !== 'same')
            .map(({ name, operation }) => `${operation} ${name}`);
        };
        expect(await changesOf()).toEqual([]);
        expect(existsSync(clone.path('.coachdb'))).toBe(false);
        expect(String(git('status', '--porcelain'))).toBe('');
        clone.set('roles', { readOnly: { connectionLimit: 3 } });
        expect(await changesOf()).toEqual(['update role-coach_readonly']);
      } finally {
        await clone.remove();
      }
    },
  );

  it('refuses a stack without a file, naming those there are', async () => {
    const { code, report } = await project.json(['graph', '--stack', 'staging']);
    expect(code).toBe(64);
    expect(report['problems']).toMatchObject([
      { code: 'stack-unknown', message: expect.stringContaining('dev, local, prod') as string },
    ]);
  });
});
