import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type * as Engine from '@prisma/schema-engine-wasm/schema_engine_bg';

import { messageOf, PlatformError } from '../../../system/errors';
import { forEngine } from './schemaChange';
import type { SchemaFile } from './schemaText';

/** Prisma's schema engine as WebAssembly, 5 MB that only this loads; it is code, and contacts nothing by itself. */
export function loadSchemaEngine(): Promise<typeof Engine> {
  loaded ??= instantiate();
  return loaded;
}

/** What Prisma leaves to others: `tables.external` and `enums.external` of prisma.config.ts. */
export interface External {
  tables: string[];
  enums: string[];
}

/**
 * The SQL that makes a schema in an empty PostgreSQL database, as `prisma migrate dev` writes it. The datasource's provider is PostgreSQL's
 * already. What the engine does not take is a PlatformError with what it says.
 */
export async function baselineSql(files: readonly SchemaFile[], external: External): Promise<string> {
  const read = files.map(forEngine).map(({ path, text }) => ({ path, content: text }));
  const empty = [{ path: 'schema.prisma', content: 'datasource db {\n  provider = "postgresql"\n}\n' }];
  const { SchemaEngine } = await loadSchemaEngine();
  try {
    const datamodels = read.map(({ path, content }): [string, string] => [path, content]);
    const engine = await SchemaEngine.new({ datamodels }, () => undefined, emptyServer());
    const { stdout } = await engine.diff({
      from: { tag: 'schemaDatamodel', files: empty },
      to: { tag: 'schemaDatamodel', files: read },
      script: true,
      exitCode: null,
      filters: { externalTables: external.tables, externalEnums: external.enums },
    });
    return `${(stdout ?? '').trim()}\n`;
  } catch (cause) {
    throw new PlatformError(
      'prisma-schema',
      `Prisma does not take the application’s schema for PostgreSQL:\n${messageOf(cause).trim()}`,
      'Change what it names in the schema, commit that, and run again.',
      { kind: 'refused', cause },
    );
  }
}

/** What an engine asks for before it compares two texts: a server that is there, has the schema and holds nothing. */
function emptyServer(): Parameters<(typeof Engine.SchemaEngine)['new']>[2] {
  const ok = <T>(value: T): Ok<T> => ({ ok: true, value, map: (change) => ok(change(value)) });
  const [BOOLEAN, TEXT, INTEGER] = [5, 7, 0];
  const answer = {
    columnNames: ['exists', 'version', 'numeric_version'],
    columnTypes: [BOOLEAN, TEXT, INTEGER],
    rows: [[true, 'PostgreSQL 15.0', 150_000]],
  };
  const names = { provider: 'postgres', adapterName: 'none' };
  const connection = {
    ...names,
    getConnectionInfo: () => ok({ schemaName: 'public', supportsRelationJoins: false }),
    queryRaw: () => Promise.resolve(ok(answer)),
    executeRaw: () => Promise.resolve(ok(0)),
    executeScript: () => Promise.resolve(ok(undefined)),
    dispose: () => Promise.resolve(ok(undefined)),
  };
  const connect = (): Promise<Ok<unknown>> => Promise.resolve(ok(connection));
  return { ...names, connect, connectToShadowDb: connect };
}

/** Of the package `@prisma/driver-adapter-utils`, what the engine uses. */
interface Ok<T> {
  ok: true;
  value: T;
  map: <U>(change: (value: T) => U) => Ok<U>;
}

let loaded: Promise<typeof Engine> | undefined;

/** What Node has and this project's type libraries lack. */
interface WasmGlobal {
  WebAssembly: {
    instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, () => void> } }>;
  };
}

async function instantiate(): Promise<typeof Engine> {
  const glue = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as typeof Engine & {
    __wbg_set_wasm: (exports: unknown) => void;
  };
  const folder = dirname(require.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const bytes = readFileSync(join(folder, 'schema_engine_bg.wasm'));
  const { WebAssembly } = globalThis as unknown as WasmGlobal;
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': glue });
  glue.__wbg_set_wasm(instance.exports);
  instance.exports['__wbindgen_start']?.();
  return glue;
}
