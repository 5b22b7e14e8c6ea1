import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { PrismaLibSql } from '@prisma/adapter-libsql';
import Database from 'libsql';

import { clientIn, schemaFor, sqliteTables } from './prismaClient';
import { type SampleRows, sampleRows } from './rows';

type Model<Row> = {
  createMany(query: { data: Row[] }): Promise<unknown>;
  update(query: { where: { id: string }; data: Partial<Row> }): Promise<unknown>;
};
type Models = { [Name in keyof SampleRows]: Model<SampleRows[Name][number]> };

/** From here on the application is said to have used a driver adapter; before it Prisma's native engine, which wrote times as numbers. */
const ADAPTER_SINCE = new Date('2024-09-01T00:00:00Z');

/** Writes the sample into `file` through Prisma's own client, which is generated into the empty `folder` from the application's schema. */
export async function writeSample(file: string, folder: string, root: string): Promise<void> {
  const schema = schemaFor('sqlite', readFileSync(join(root, 'app', 'prisma', 'schema.prisma'), 'utf8'));
  const Client = await clientIn<Models>(folder, schema, join(root, 'node_modules'));
  const connect = (timestampFormat: 'unixepoch-ms' | 'iso8601'): PrismaLibSql =>
    new PrismaLibSql({ url: `file:${file}` }, { timestampFormat });
  inOwnConnection(file, await sqliteTables(schema, connect('iso8601')));
  const [native, adapter] = [connect('unixepoch-ms'), connect('iso8601')].map((adapter) => new Client({ adapter }));
  if (native === undefined || adapter === undefined) return;
  const rows = sampleRows();
  const by = (time: Date): typeof native => (time < ADAPTER_SINCE ? native : adapter);
  for (const client of [native, adapter]) {
    const of = <Row>(all: Row[], time: (row: Row) => Date): Row[] => all.filter((row) => by(time(row)) === client);
    await client.user.createMany({ data: of(rows.user, ({ createdAt }) => createdAt) });
    await client.student.createMany({ data: of(rows.student, ({ createdAt }) => createdAt) });
    await client.completedLesson.createMany({ data: of(rows.completedLesson, ({ completedAt }) => completedAt) });
    await client.assessment.createMany({ data: of(rows.assessment, ({ takenAt }) => takenAt) });
  }
  // What was changed since has both forms in one row.
  for (const { id, updatedAt } of rows.user)
    if (by(updatedAt) === adapter) await adapter.user.update({ where: { id }, data: { updatedAt } });
  for (const { id, updatedAt } of rows.student)
    if (by(updatedAt) === adapter) await adapter.student.update({ where: { id }, data: { updatedAt } });
  await Promise.all([native.$disconnect(), adapter.$disconnect()]);
  inOwnConnection(file, 'VACUUM');
}

function inOwnConnection(file: string, sql: string): void {
  const database = new Database(file);
  database.exec(sql);
  database.close();
}
