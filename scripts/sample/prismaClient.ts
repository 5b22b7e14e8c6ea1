import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { PrismaLibSql } from '@prisma/adapter-libsql';

import { loadSchemaEngine } from '../../postgres/transfer/prepare/schemaEngine';
import { PlatformError } from '../../system/errors';
import { generateClient } from '../commands/generateClient';

export type Provider = 'sqlite' | 'postgresql';

/** A client of whatever schema: its models are known to who generated it. */
export type GeneratedClient<Models> = new (options: { adapter: unknown }) => Models & {
  $disconnect(): Promise<void>;
};

/** As JavaScript, so that it can be used without a compiler. */
const GENERATOR = 'generator client {\n  provider = "prisma-client-js"\n  output   = "../client"\n}';

/**
 * A PostgreSQL schema for either database. SQLite has no native types, and Prisma (7.10) writes a default of Json for it without quotes, which
 * SQLite refuses; it takes everything else that the application's says.
 */
export function schemaFor(provider: Provider, text: string): string {
  const schema = text
    .replace(/^generator \w+ \{[^}]*\}/m, GENERATOR)
    .replace(/^(datasource \w+ \{[^}]*provider = )"postgresql"/m, `$1"${provider}"`);
  if (provider === 'postgresql') return schema;
  return schema.replace(/ @db\.\w+(\([^)]*\))?/g, '').replace(/^(\s*\w+\s+Json\??.*?) @default\("[^"]*"\)/gm, '$1');
}

/** Generates the client of a schema into an empty folder, and loads it. */
export async function clientIn<Models>(
  folder: string,
  schema: string,
  packages: string,
): Promise<GeneratedClient<Models>> {
  mkdirSync(join(folder, 'prisma'), { recursive: true });
  writeFileSync(join(folder, 'prisma', 'schema.prisma'), schema);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  symlinkSync(packages, join(folder, 'node_modules'));
  await generateClient({ schemaDirectory: folder, env: process.env });
  const { PrismaClient } = (await import(join(folder, 'client', 'index.js'))) as {
    PrismaClient: GeneratedClient<Models>;
  };
  return PrismaClient;
}

/** The statements by which Prisma's migrations make a schema for SQLite. */
export async function sqliteTables(schema: string, adapters: PrismaLibSql): Promise<string> {
  const { bindMigrationAwareSqlAdapterFactory } = await import('@prisma/driver-adapter-utils');
  const { SchemaEngine } = await loadSchemaEngine();
  const file = (content: string): { path: string; content: string } => ({ path: 'schema.prisma', content });
  const engine = await SchemaEngine.new(
    { datamodels: [['schema.prisma', schema]] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(adapters),
  );
  const { stdout } = await engine.diff({
    from: { tag: 'empty' },
    to: { tag: 'schemaDatamodel', files: [file(schema)] },
    script: true,
    exitCode: null,
    filters: { externalTables: [], externalEnums: [] },
  });
  if (stdout === null)
    throw new PlatformError(
      'prisma-schema',
      'Prisma’s schema engine wrote no statements.',
      'Look at the schema it was given.',
    );
  return stdout;
}
