import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type * as Engine from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

import { loadSchemaEngine } from '../../postgres/transfer/prepare/schemaEngine';

interface ResultType {
  Result: { prototype: { addFields: (this: unknown, fields: { dataTypeID: number }[]) => unknown } };
}

/** From this major on the engine (7.10) panics when it describes a database, and `schemaDifference` never ends. */
export const UNREAD_MAJOR = 18;

/**
 * Prisma's own schema engine, as WebAssembly over the PostgreSQL driver adapter: what `prisma migrate diff` says of a database and a
 * schema, without the engine that Prisma downloads. "No difference detected." or the differences as text.
 */
export async function schemaDifference(url: string, schema: string): Promise<string> {
  const { SchemaEngine } = await load();
  // The engine never closes what it opens.
  const pool = new pg.Pool({ connectionString: url });
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
  const engine = await SchemaEngine.new({ datamodels: [['schema.prisma', schema]] }, () => undefined, adapter);
  const files = [{ path: 'schema.prisma', content: schema }];
  try {
    const { stdout } = await engine.diff({
      from: { tag: 'schemaDatasource', files, configDir: '/' },
      to: { tag: 'schemaDatamodel', files },
      script: false,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    });
    return (stdout ?? '').trim();
  } finally {
    await pool.end();
  }
}

/** How a file reaches the server: Prisma's engine up to 7.3 sends it whole, from 7.4 on statement by statement where it can read the SQL. */
export type Transport = (script: string) => string[];

export interface PrismaDeploy {
  /** Null where all went well. */
  error: string | null;
  applied: string[];
}

/**
 * `prisma migrate deploy`: the engine decides what is pending, takes its lock and writes its records. The engine of the command line talks to the
 * server itself; here its scripts go through the driver adapter, whose own cutting at every semicolon is left out.
 */
export async function prismaDeploy(
  config: pg.PoolConfig,
  migrations: [name: string, script: string][],
  transport: Transport,
): Promise<PrismaDeploy> {
  const { SchemaEngine } = await load();
  // One connection, as the engine has; it never closes it.
  const pool = new pg.Pool({ ...config, max: 1 });
  const adapters = new PrismaPg(pool);
  const connect = adapters.connect.bind(adapters);
  adapters.connect = async () => {
    const adapter = await connect();
    adapter.executeScript = async (script) => {
      for (const text of transport(script)) await adapter.underlyingDriver().query(text);
    };
    return adapter;
  };
  try {
    const engine = await SchemaEngine.new(
      { datamodels: undefined },
      () => undefined,
      bindMigrationAwareSqlAdapterFactory(adapters),
    );
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: migrationsList(migrations, 'provider = "postgresql"\n'),
      filters: { externalTables: [], externalEnums: [] },
    });
    return { error: null, applied: appliedMigrationNames };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), applied: [] };
  } finally {
    await pool.end();
  }
}

/** `prisma migrate status`: what it says of a folder and a database. Null where they are at one. */
export async function prismaStatus(
  config: pg.PoolConfig,
  migrations: [name: string, script: string][],
  lock: string,
): Promise<Awaited<ReturnType<Engine.SchemaEngine['diagnoseMigrationHistory']>>> {
  const { SchemaEngine } = await load();
  const pool = new pg.Pool({ ...config, max: 1 });
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool));
  try {
    const engine = await SchemaEngine.new({ datamodels: undefined }, () => undefined, adapter);
    return await engine.diagnoseMigrationHistory({
      migrationsList: migrationsList(migrations, lock),
      optInToShadowDatabase: false,
      filters: { externalTables: [], externalEnums: [] },
    });
  } finally {
    await pool.end();
  }
}

function migrationsList(migrations: [name: string, script: string][], lock: string): Engine.MigrationList {
  return {
    baseDir: '/migrations',
    lockfile: { path: 'migration_lock.toml', content: lock },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(([path, value]) => ({
      path,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value } },
    })),
  };
}

let isReady = false;

function load(): Promise<typeof Engine> {
  if (!isReady) readCatalogCharsAsText();
  isReady = true;
  return loadSchemaEngine();
}

/** The engine reads catalog columns of type "char" (oid 18), which the adapter cannot name; as bpchar it can. */
function readCatalogCharsAsText(): void {
  const { prototype } = (pg as unknown as ResultType).Result;
  const original = prototype.addFields;
  prototype.addFields = function (fields) {
    for (const field of fields) if (field.dataTypeID === 18) field.dataTypeID = pg.types.builtins.BPCHAR;
    return original.call(this, fields);
  };
}
