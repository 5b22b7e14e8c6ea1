import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { type Versioned, versioned } from '../../../../postgres/transfer/prepare/git';
import { application, commitAll, removeApplications, withFiles } from './support';

afterAll(removeApplications);

const FILES = { 'prisma/schema.prisma': 'a', 'prisma/migrations/1_init/migration.sql': 'b', '.gitignore': '*.db\n' };
const ask = (directory: string, environment: NodeJS.ProcessEnv = process.env): Versioned =>
  versioned(directory, [join(directory, 'prisma/migrations'), join(directory, 'prisma/schema.prisma')], environment);
const repository = (files: Record<string, string> = {}): string => commitAll(application({ ...FILES, ...files }));

it('is content with what is committed, whatever lies elsewhere', () => {
  const directory = withFiles(repository(), { 'src/new.ts': '', 'prisma/dev.db': '', 'prisma/migrations/x.db': '' });
  expect(ask(directory)).toEqual({ state: 'clean' });
});

it.each([
  ['changed', { 'prisma/schema.prisma': 'other' }, ['prisma/schema.prisma']],
  ['new', { 'prisma/migrations/2 é/migration.sql': '' }, ['prisma/migrations/2 é/migration.sql']],
  ['gone', { 'prisma/migrations/1_init/migration.sql': null }, ['prisma/migrations/1_init/migration.sql']],
])('names what is %s', (_what, files, paths) => {
  expect(ask(withFiles(repository(), files))).toEqual({ state: 'changed', paths });
});

it('names what is staged and not committed', () => {
  const directory = withFiles(repository(), { 'prisma/schema.prisma': 'other' });
  execFileSync('git', ['add', '-A'], { cwd: directory });
  expect(ask(directory)).toMatchObject({ state: 'changed' });
});

it('knows an application below the repository’s root', () => {
  const directory = commitAll(
    application({ 'apps/web/prisma/schema.prisma': 'a', 'apps/web/prisma/migrations/x': 'b' }),
  );
  expect(ask(join(directory, 'apps/web'))).toEqual({ state: 'clean' });
});

it('says that nothing is known without a repository, and without git', () => {
  const directory = application(FILES);
  expect(ask(directory)).toEqual({ state: 'unknown', reason: `${directory} is in no git repository` });
  const lonely = repository();
  expect(ask(lonely, { ...process.env, PATH: '/nowhere' })).toMatchObject({
    state: 'unknown',
    reason: expect.stringMatching(/^git could not be asked/) as string,
  });
});

it('says that nothing is known of what git ignores', () => {
  const directory = repository({ '.gitignore': 'prisma/migrations\n' });
  expect(ask(directory)).toEqual({
    state: 'unknown',
    reason: 'git has nothing of prisma/migrations, which it ignores',
  });
});

it('passes on what git says where it does not answer', () => {
  const directory = application(FILES);
  mkdirSync(join(directory, '.git'));
  expect(ask(directory)).toMatchObject({
    state: 'unknown',
    reason: expect.stringMatching(/^git could not say: .*not a git repository/) as string,
  });
});

it('asks about this repository, not about that of a hook', () => {
  const other = repository();
  expect(ask(application(FILES), { ...process.env, GIT_DIR: join(other, '.git') })).toMatchObject({ state: 'unknown' });
  expect(ask(repository(), { ...process.env, GIT_DIR: '/nowhere', GIT_WORK_TREE: '/nowhere' })).toEqual({
    state: 'clean',
  });
});
