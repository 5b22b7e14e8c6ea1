import { join } from 'node:path';

import { type Application, shown } from './application';

/** What is left for a person to change, outside of the schema and the migrations. */
export function applicationNotes(application: Application): string[] {
  return [...fileAddress(application), ...adapters(application), ...otherFolder(application)];
}

/** Where the schema alone is SQLite's. */
export function keptMigrations(application: Application): string {
  return (
    `The migrations in ${shown(application, application.migrations.directory)} are PostgreSQL’s already and stay as they are; ` +
    '`npx prisma migrate dev` says whether they make what the schema says.'
  );
}

function fileAddress(application: Application): string[] {
  const { config } = application;
  if (config?.fileUrlLine === undefined) return [];
  return [
    `${shown(application, config.path)}, line ${config.fileUrlLine}, has the address of a file: ` +
      'Prisma’s command line needs PostgreSQL’s there (docs/connect.md).',
  ];
}

function adapters({ sqliteAdapters }: Application): string[] {
  if (sqliteAdapters.length === 0) return [];
  return [`package.json has ${sqliteAdapters.join(', ')}; PostgreSQL’s is @prisma/adapter-pg (docs/connect.md).`];
}

function otherFolder(application: Application): string[] {
  const { directory, migrations } = application;
  if (migrations.directory === join(directory, 'prisma', 'migrations')) return [];
  const folder = shown(application, migrations.directory);
  return [
    `\`npm run db:deploy\` reads prisma/migrations, and Prisma reads ${folder}: move it there and name it in prisma.config.ts ` +
      "(`migrations: { path: 'prisma/migrations' }`), or make prisma/migrations a link to it.",
  ];
}
