import { messageOf, PlatformError } from '../../system/errors';

/** What the application's Prisma schema says of its tables: enough to write index lines for it. */
export interface PrismaModel {
  name: string;
  /** `@@map`, or the model's name. */
  table: string;
  /** `@@schema`. */
  schema: string | null;
  fields: PrismaField[];
  /** Names of the indexes and unique constraints it declares with `map:`. */
  maps: string[];
}

export interface PrismaField {
  name: string;
  /** `@map`, or the field's name. */
  column: string;
  /** `String`, `Json`, ... without `?` and `[]`. */
  type: string;
  list: boolean;
  /** `@db.Inet` -> `Inet`. */
  native: string | null;
}

export interface PrismaSchema {
  models: PrismaModel[];
  /** The preview feature of that name: with it Prisma looks at partial indexes, and so they have to be declared. */
  partialIndexes: boolean;
}

/** What is used of the two answers of Prisma's parser. */
interface DataModel {
  models: {
    name: string;
    dbName: string | null;
    schema: string | null;
    fields: { name: string; dbName?: string; type: string; isList: boolean; nativeType?: [string, string[]] | null }[];
  }[];
  indexes: { model: string; dbName?: string }[];
}
interface Configuration {
  generators: { previewFeatures: string[] }[];
}

/** Reads the text of a Prisma schema with Prisma's own parser, 3 MB of WebAssembly that only this loads. */
export async function readPrismaSchema(text: string): Promise<PrismaSchema> {
  const parser = await import('@prisma/prisma-schema-wasm');
  const given = { prismaSchema: [['schema.prisma', text]], noColor: true };
  try {
    const { datamodel } = JSON.parse(parser.get_dmmf(JSON.stringify(given))) as { datamodel: DataModel };
    const { config } = JSON.parse(parser.get_config(JSON.stringify(given))) as { config: Configuration };
    return {
      models: datamodel.models.map(({ name, dbName, schema, fields }) => ({
        name,
        table: dbName ?? name,
        schema,
        fields: fields.map((field) => ({
          name: field.name,
          column: field.dbName ?? field.name,
          type: field.type,
          list: field.isList,
          native: field.nativeType?.[0] ?? null,
        })),
        maps: datamodel.indexes.filter(({ model }) => model === name).flatMap(({ dbName: map }) => map ?? []),
      })),
      partialIndexes: config.generators.some(({ previewFeatures }) => previewFeatures.includes('partialIndexes')),
    };
  } catch (cause) {
    throw new PlatformError(
      'prisma-schema',
      `Prisma does not take the application’s schema: ${reasonOf(cause)}`,
      'Mend it until `npx prisma validate` takes it, and run again.',
      { kind: 'usage', cause },
    );
  }
}

/** The parser throws JSON with its report in it. */
function reasonOf(cause: unknown): string {
  const text = messageOf(cause);
  try {
    return (JSON.parse(text) as { message: string }).message;
  } catch {
    return text;
  }
}
