import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, describe, expect, inject, it } from 'vitest';

import { readMigrationFolder } from '../../../../postgres/migrations/folder';
import { readApplication } from '../../../../postgres/transfer/prepare/application';
import { planPreparation } from '../../../../postgres/transfer/prepare/plan';
import { forEngine } from '../../../../postgres/transfer/prepare/schemaChange';
import { applyPreparation } from '../../../../postgres/transfer/prepare/stage';
import { prismaStatus, schemaDifference, UNREAD_MAJOR } from '../../../support/schemaEngine';
import { deploy, type Stage, stage } from '../../migrations/support';
import { application, filesOf, NOW, removeApplications, schema, school, withFiles } from './support';

afterAll(removeApplications);

const { major } = inject('cluster');

async function prepared(directory: string): Promise<string> {
  const plan = await planPreparation(await readApplication(directory), NOW);
  expect(plan.problems).toEqual([]);
  applyPreparation(plan, join(directory, 'prisma/migrations'));
  return directory;
}

const urlOf = ({ database: { target } }: Stage): string =>
  `postgresql://${target.user}:${target.password}@${target.host}:${target.port}/${target.database}`;

/** The folder as Prisma is given it. */
function asPrismaReads(directory: string): [scripts: [string, string][], lock: string] {
  const { migrations } = readMigrationFolder(join(directory, 'prisma/migrations'));
  const lock = readFileSync(join(directory, 'prisma/migrations/migration_lock.toml'), 'utf8');
  return [migrations.map(({ name, sql }): [string, string] => [name, sql]), lock];
}

const MODELS = `
model Everything {
  int      Int       @id @default(autoincrement())
  big      BigInt    @default(9007199254740993)
  float    Float?
  decimal  Decimal   @default(1.5)
  boolean  Boolean   @default(true)
  text     String    @default("it's \\"quoted\\" \\\\ ñ")
  json     Json?     @default("{\\"a\\": [1, null]}")
  bytes    Bytes?
  time     DateTime  @default(now())
  updated  DateTime  @updatedAt
  state    State     @default(on_hold)
  parentId Int?      @map("parent id")
  parent   Everything?  @relation("tree", fields: [parentId], references: [int], onDelete: SetNull)
  children Everything[] @relation("tree")

  @@unique([big, text])
  @@index([time(sort: Desc), text], map: "by time")
  @@map("select")
}

enum State {
  on_hold @map("on hold")
  done
}
`;

describe.each<[string, () => string]>([
  ['of a history with redefined tables and SQL by hand', () => school()],
  [
    'of every type, with reserved and mapped names',
    () => application({ 'prisma/schema.prisma': schema('sqlite', MODELS) }),
  ],
  [
    'of a schema in several files',
    () =>
      application({
        'prisma.config.ts': "export default { schema: 'prisma', migrations: { path: 'prisma/migrations' } };",
        'prisma/base.prisma': schema('sqlite'),
        'prisma/more/models.prisma': MODELS,
      }),
  ],
])('the baseline %s', (_what, make) => {
  it('deploys, is what Prisma calls applied, and makes what the schema says', async () => {
    const directory = await prepared(make());
    const deployment = await stage('baseline');
    try {
      const { applied } = await deploy(deployment, join(directory, 'prisma/migrations'));
      expect(applied.map(({ name }) => name)).toEqual(['20250601102030_baseline']);
      const [scripts, lock] = asPrismaReads(directory);
      const config = { ...deployment.target, options: `-c role=${deployment.owner}` };
      expect(await prismaStatus(config, scripts, lock)).toMatchObject({
        history: null,
        editedMigrationNames: [],
        failedMigrationNames: [],
        hasMigrationsTable: true,
      });
      if (major >= UNREAD_MAJOR) console.log(`skipped: the database compared by Prisma (PostgreSQL ${major})`);
      else {
        const { files } = await readApplication(directory);
        const text = files.map((file) => forEngine(file).text).join('\n');
        expect(await schemaDifference(urlOf(deployment), text)).toBe('No difference detected.');
      }
    } finally {
      await deployment.close();
    }
  });
});

it('would be told of a lock file that still says sqlite (P3019)', async () => {
  const directory = await prepared(school());
  const deployment = await stage('baseline');
  try {
    const [scripts] = asPrismaReads(directory);
    await expect(prismaStatus(deployment.target, scripts, 'provider = "sqlite"\n')).rejects.toThrow(
      /migration_lock\.toml|provider/,
    );
  } finally {
    await deployment.close();
  }
});

it('is followed by whatever migrations come later', async () => {
  const directory = await prepared(school());
  const deployment = await stage('baseline');
  try {
    const migrations = join(directory, 'prisma/migrations');
    await deploy(deployment, migrations);
    withFiles(migrations, { '20250701000000_later/migration.sql': 'ALTER TABLE "Price" ADD CHECK ("net" >= 0);' });
    const again = await deploy(deployment, migrations);
    expect(again.applied.map(({ name }) => name)).toEqual(['20250701000000_later']);
    expect(Object.keys(filesOf(migrations))).toHaveLength(3);
  } finally {
    await deployment.close();
  }
});
