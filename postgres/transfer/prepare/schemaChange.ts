import { blocksOf, type Datasource, type Property, type SchemaFile, withValues } from './schemaText';

/** A schema file as it becomes. */
export interface SchemaChange {
  path: string;
  before: string;
  after: string;
  lines: { line: number; before: string; after: string }[];
}

/** Where the application's address lies from then on; `env` of the command line writes it. */
const DATABASE_URL = 'env("DATABASE_URL")';

/** The datasource with PostgreSQL as its provider; undefined where nothing has to change. An address of a file becomes the environment's. */
export function postgresqlSchema({ file, provider, properties }: Datasource): SchemaChange | undefined {
  const values: { property: Property; value: string }[] = [];
  for (const property of properties) {
    if (property.name === 'provider' && provider !== 'postgresql' && provider !== 'postgres')
      values.push({ property, value: '"postgresql"' });
    // A schema of Prisma 6; from 7 on addresses lie in prisma.config.ts.
    if (['url', 'directUrl'].includes(property.name) && /^"(?:file|sqlite):/.test(property.value))
      values.push({ property, value: DATABASE_URL });
  }
  if (values.length === 0) return undefined;
  const after = withValues(file.text, values);
  const lines = values.map(({ property: { line } }) => ({
    line,
    before: lineOf(file.text, line),
    after: lineOf(after, line),
  }));
  return { path: file.path, before: file.text, after, lines };
}

/** Preview features that decide what a schema may say; the engine knows no longer all that an older Prisma had. */
const FEATURES = ['partialIndexes', 'postgresqlExtensions', 'views'];

/**
 * What the engine (of Prisma 7) reads: it refuses addresses in a datasource and preview features it does not know. Line numbers stay, so that
 * what it says of a schema is true of the file.
 */
export function forEngine({ path, text }: SchemaFile): SchemaFile {
  let read = text;
  for (const { keyword, properties } of blocksOf(text)) {
    for (const property of properties) {
      if (keyword === 'datasource' && /^(url|directUrl|shadowDatabaseUrl)$/.test(property.name))
        read = withoutLine(read, property);
      if (keyword === 'generator' && property.name === 'previewFeatures') read = withKnownFeatures(read, property);
    }
  }
  return { path, text: read };
}

/** Blanks, of the same length. */
function withoutLine(text: string, { start, end }: Property): string {
  const from = text.lastIndexOf('\n', start - 1) + 1;
  return text.slice(0, from) + ' '.repeat(end - from) + text.slice(end);
}

function withKnownFeatures(text: string, { value, start, end }: Property): string {
  const known = FEATURES.filter((feature) => value.includes(`"${feature}"`));
  const breaks = value.replace(/[^\n]/g, '');
  const list = `[${breaks}${known.map((feature) => `"${feature}"`).join(',')}]`.padStart(end - start);
  return text.slice(0, start) + list + text.slice(end);
}

function lineOf(text: string, line: number): string {
  const lines = text.split('\n');
  return (lines[line - 1] ?? '').trim();
}
