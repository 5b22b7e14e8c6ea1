import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import type * as Application from '../../app/database';
import { applyMigrations } from '../../postgres/migrations/apply';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import { readHistory } from '../../postgres/migrations/history';
import { planMigrations } from '../../postgres/migrations/plan';
import { generateClient, type GeneratedClient } from '../../scripts/commands/generateClient';
import { freshDatabase, type TestDatabase } from '../support/database';

const ROOT = join(__dirname, '../..');
/** Twice the pool's size. */
const PARALLEL = 20;

let place: TestDatabase;
let generated: GeneratedClient;
let app: typeof Application;
const roles: string[] = [];
let openedByImport: boolean;

beforeAll(async () => {
  // An address that answers nothing: whatever tries to download fails.
  const offline = {
    ...process.env,
    HTTP_PROXY: 'http://127.0.0.1:1',
    HTTPS_PROXY: 'http://127.0.0.1:1',
    npm_config_offline: 'true',
  };
  const generating = generateClient({ schemaDirectory: join(ROOT, 'app/prisma'), env: offline });
  place = await freshDatabase('app');
  const owner = `${place.target.database}_owner`;
  const user = `${place.target.database}_user`;
  roles.push(owner, user);
  await place.client.query(
    `CREATE ROLE ${owner} NOLOGIN; CREATE ROLE ${user} LOGIN PASSWORD 'app' CONNECTION LIMIT 20;
     ALTER DATABASE ${place.target.database} OWNER TO ${owner};
     ALTER DEFAULT PRIVILEGES FOR ROLE ${owner} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO ${user}`,
  );
  const plan = planMigrations(
    readMigrationFolder(join(ROOT, 'app/prisma/migrations')),
    await readHistory(place.client),
  );
  await applyMigrations(place.client, plan, { role: owner, lockTimeoutMs: 5000, statementTimeoutMs: 20_000 });
  generated = await generating;
  // Without an address, so an import that read the environment would fail.
  delete process.env.DATABASE_URL;
  app = await import('../../app/database');
  openedByImport = 'coachDatabase' in globalThis;
  const { host, port, database } = place.target;
  process.env.DATABASE_URL = `postgresql://${user}:app@${host}:${port}/${database}`;
});

afterAll(async () => {
  await app.closeDatabase();
  for (const role of roles) await place.client.query(`DROP OWNED BY ${role} CASCADE`);
  await place.drop();
});

async function student(name: string): Promise<{ id: string; userId: string }> {
  return app.prisma.student.create({
    data: { name, location: 'Oaxaca', user: { create: { email: `${name}@example.org`, name } } },
    select: { id: true, userId: true },
  });
}

/** What the audit trail would record in this transaction. */
const CURRENT_USER = `SELECT current_setting('app.current_user_id', true) AS "user"`;
type CurrentUser = { user: string | null }[];

it('generated the client without network', () => {
  expect(generated.report).toMatch(/Generated Prisma Client \(7\./);
  expect(generated.source).toBe(join(ROOT, 'app/prisma.config.ts'));
});

it('opens nothing when it is imported', () => {
  expect(openedByImport).toBe(false);
});

it('agrees with the baseline: every model’s columns can be written and read', async () => {
  const { id, userId } = await student('luz');
  await app.prisma.student.update({
    where: { id },
    data: {
      birthDate: new Date('2015-03-01'),
      preferences: { contrast: 'high', ñ: [1, null] },
      completedLessons: { create: [{ lessonId: 'l1', minutes: 12, score: 90 }, { lessonId: 'l2' }] },
      assessments: { create: { subject: 'math', score: 8.25, passed: true, answers: [{ q: 1, a: 'b' }] } },
    },
  });
  const found = await app.prisma.user.findUniqueOrThrow({
    where: { email: 'luz@example.org' },
    include: { students: { include: { completedLessons: { orderBy: { lessonId: 'asc' } }, assessments: true } } },
  });
  expect(found).toMatchObject({
    id: userId,
    role: 'student',
    students: [
      {
        id,
        language: 'es',
        active: true,
        location: 'Oaxaca',
        birthDate: new Date('2015-03-01'),
        preferences: { contrast: 'high', ñ: [1, null] },
        completedLessons: [
          { lessonId: 'l1', minutes: 12, score: 90 },
          { lessonId: 'l2', minutes: 0, score: null },
        ],
        assessments: [{ subject: 'math', score: 8.25, passed: true, answers: [{ q: 1, a: 'b' }] }],
      },
    ],
  });

  await app.prisma.user.delete({ where: { id: userId } });
  expect(await app.prisma.completedLesson.count({ where: { studentId: id } })).toBe(0);
});

it('refuses a second user with the same address', async () => {
  await student('ana');
  await expect(student('ana')).rejects.toMatchObject({ code: 'P2002' });
});

it('undoes a transaction whole', async () => {
  const { id } = await student('teo');
  await expect(
    app.prisma.$transaction(async (transaction) => {
      await transaction.student.update({ where: { id }, data: { location: 'Lima' } });
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  expect(await app.prisma.student.findUnique({ where: { id } })).toMatchObject({ location: 'Oaxaca' });
});

it(`runs ${PARALLEL} transactions at once through a pool of 10, none lost and none refused`, async () => {
  const { id } = await student('sol');
  await Promise.all(
    Array.from({ length: PARALLEL }, (_, index) =>
      app.prisma.$transaction(async (transaction) => {
        await transaction.$queryRaw`SELECT pg_sleep(0.05)::text`;
        await transaction.completedLesson.create({ data: { studentId: id, lessonId: `lesson ${index}` } });
      }),
    ),
  );
  expect(await app.prisma.completedLesson.count({ where: { studentId: id } })).toBe(PARALLEL);
  const { rows } = await place.client.query<{ count: number }>(
    'SELECT count(*)::int AS count FROM pg_stat_activity WHERE usename = $1',
    [roles[1]],
  );
  expect(rows[0]?.count).toBeGreaterThan(1);
  expect(rows[0]?.count).toBeLessThanOrEqual(10);
});

it('sets the application user inside the transaction and nowhere else', async () => {
  const inside = await app.asApplicationUser('luz’s id', (transaction) =>
    transaction.$queryRawUnsafe<CurrentUser>(CURRENT_USER),
  );
  expect(inside).toEqual([{ user: 'luz’s id' }]);
  const outside = await Promise.all(
    Array.from({ length: PARALLEL }, () => app.prisma.$queryRawUnsafe<CurrentUser>(CURRENT_USER)),
  );
  expect(outside.flat().every(({ user }) => user === null || user === '')).toBe(true);
  const nobody = [
    ['', 'is empty'],
    [' ', 'is empty'],
    [undefined, 'is undefined'],
    [null, 'is null'],
  ];
  for (const [user, what] of nobody)
    await expect(app.asApplicationUser(user as string, () => Promise.resolve())).rejects.toThrow(`userId ${what}`);
});

it(`gives ${PARALLEL} users at once each their own, also after a neighbour failed`, async () => {
  const seen = await Promise.allSettled(
    Array.from({ length: PARALLEL * 3 }, (_, index) =>
      app.asApplicationUser(`user ${index}`, async (transaction) => {
        await transaction.$queryRaw`SELECT pg_sleep(${(index % 5) / 200})::text`;
        if (index % 7 === 0) throw new Error('on purpose');
        const [row] = await transaction.$queryRawUnsafe<CurrentUser>(CURRENT_USER);
        return row?.user;
      }),
    ),
  );
  seen.forEach((result, index) => {
    if (index % 7 === 0) expect(result.status).toBe('rejected');
    else expect(result).toEqual({ status: 'fulfilled', value: `user ${index}` });
  });
  const outside = await app.prisma.$queryRawUnsafe<CurrentUser>(CURRENT_USER);
  expect(outside).toEqual([{ user: '' }]);
});

it.each([
  ['closeDatabase()', () => app.closeDatabase()],
  ['prisma.$disconnect()', () => app.prisma.$disconnect()],
])('closes with %s, and opens again at the next use', async (_name, close) => {
  await close();
  const connected = (): Promise<number | null> =>
    place.client.query('SELECT FROM pg_stat_activity WHERE usename = $1', [roles[1]]).then((result) => result.rowCount);
  await expect.poll(connected).toBe(0);
  expect(await app.prisma.user.count()).toBeGreaterThan(0);
});

it('waits for the pool as long as told, also for transactions, and says what it waited for', async () => {
  await app.closeDatabase();
  Object.assign(process.env, { DATABASE_POOL_MIN: '1', DATABASE_POOL_MAX: '1', DATABASE_POOL_TIMEOUT: '300' });
  const message = /No database connection within 300 ms \(DATABASE_POOL_TIMEOUT\): all 1 are in use/;
  await app.prisma.$transaction(async () => {
    await expect(app.prisma.user.count()).rejects.toThrow(message);
    await expect(app.asApplicationUser('late', () => Promise.resolve())).rejects.toThrow(message);
  });
});
