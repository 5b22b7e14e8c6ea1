import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type * as Application from '../../app/database';
import { TestProject } from '../support/project';

/** The whole way: `start`, `generate`, `env`, then the application's own module against the stack, as the application's role. */
let project: TestProject;
let app: typeof Application;

beforeAll(async () => {
  project = new TestProject();
  const started = await project.run(['start', '--no-sample', '--engine', 'embedded']);
  expect(started.code, started.stderr).toBe(0);
  expect(started.stdout).toContain('Next:');
  const generated = await project.run(['generate']);
  expect(generated.code, generated.stderr).toBe(0);
  const { report } = await project.json(['env']);
  Object.assign(process.env, report['variables']);
  app = (await import(/* @vite-ignore */ project.path('app', 'database.ts'))) as typeof Application;
}, 120_000);

afterAll(async () => {
  await (app as typeof Application | undefined)?.closeDatabase();
  for (const name of Object.keys(process.env))
    if (/^(DATABASE_|DIRECT_URL|BACKUP_)/.test(name)) delete process.env[name];
  await project.remove();
});

describe('the application on the local stack', () => {
  it('creates, queries over relations, updates and runs transactions, 20 in parallel', async () => {
    const { prisma } = app;
    expect(await prisma.user.count()).toBe(0);
    const created = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        prisma.user.create({
          data: {
            email: `student${at}@example.org`,
            name: `Ñandú ${at}`,
            students: { create: { name: 'S', location: 'Lima', language: 'es' } },
          },
          include: { students: true },
        }),
      ),
    );
    expect(new Set(created.map(({ id }) => id)).size).toBe(20);
    const inLima = await prisma.student.findMany({ where: { location: 'Lima' }, include: { user: true } });
    expect(inLima.map(({ user }) => user.email).sort()).toEqual(created.map(({ email }) => email).sort());
    const [first, second] = created.map(({ id }) => id);
    await expect(
      prisma.$transaction(async (work) => {
        await work.user.update({ where: { id: first as string }, data: { name: 'changed' } });
        await work.user.update({ where: { id: second as string }, data: { email: 'student0@example.org' } });
      }),
    ).rejects.toThrow();
    expect((await prisma.user.findUniqueOrThrow({ where: { id: first as string } })).name).toBe('Ñandú 0');
  });

  it('cannot create, own or switch role', async () => {
    const { prisma } = app;
    await expect(prisma.$executeRawUnsafe('CREATE TABLE public.mine (id int)')).rejects.toThrow(/permission denied/);
    await expect(prisma.$executeRawUnsafe('ALTER TABLE "User" ADD COLUMN x int')).rejects.toThrow(/must be owner/);
    await expect(prisma.$executeRawUnsafe('SET ROLE coach_owner')).rejects.toThrow(/permission denied/);
    await expect(prisma.$executeRawUnsafe('TRUNCATE "User" CASCADE')).rejects.toThrow(/permission denied/);
    const owned = await prisma.$queryRawUnsafe<{ count: bigint }[]>(
      `SELECT count(*) FROM pg_class WHERE relowner = 'inclusive'::regrole`,
    );
    expect(Number(owned[0]?.count)).toBe(0);
  });

  it('has the declared parameters, indexes and extensions in force', async () => {
    const { prisma } = app;
    const shown = await prisma.$queryRawUnsafe<{ name: string; value: string }[]>(
      `SELECT name, current_setting(name) AS value FROM pg_settings WHERE name IN
       ('shared_buffers', 'effective_cache_size', 'work_mem', 'wal_level', 'wal_keep_size', 'autovacuum_vacuum_threshold')`,
    );
    expect(Object.fromEntries(shown.map(({ name, value }) => [name, value]))).toEqual({
      shared_buffers: '256MB',
      effective_cache_size: '1GB',
      work_mem: '4MB',
      wal_level: 'replica',
      wal_keep_size: '512MB',
      autovacuum_vacuum_threshold: '50',
    });
    const indexes = await prisma.$queryRawUnsafe<{ name: string }[]>(
      `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisvalid AND c.relname LIKE 'idx%'`,
    );
    expect(indexes).toHaveLength(5);
    const extensions = await prisma.$queryRawUnsafe<{ name: string }[]>(
      'SELECT extname::text AS name FROM pg_extension ORDER BY 1',
    );
    expect(extensions.map(({ name }) => name)).toEqual([
      'btree_gin',
      'pg_stat_statements',
      'pg_trgm',
      'plpgsql',
      'uuid-ossp',
    ]);
  });

  it('reports everything unchanged on a second start', async () => {
    const { report } = await project.json(['start', '--engine', 'embedded']);
    expect(report).toMatchObject({ status: 'ok', counts: { create: 0, update: 0, replace: 0, delete: 0 } });
  });
});
