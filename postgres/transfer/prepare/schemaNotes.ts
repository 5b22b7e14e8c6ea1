import type { Problem } from '../../../system/errors';
import { blocksOf, lineAt, type SchemaFile } from './schemaText';

/** What the schema says and PostgreSQL takes otherwise, or not at all. */
export interface SchemaNotes {
  notes: string[];
  problems: Problem[];
}

/** Prisma's types that are another thing in PostgreSQL's tables than in SQLite's. */
const TYPES: [type: string, meaning: string][] = [
  ['Int', 'INTEGER, 32 bits wide; SQLite’s are 64. Values beyond 2147483647 need BigInt in the schema'],
  ['Decimal', 'DECIMAL(65,30); SQLite kept floating-point numbers, with some 15 digits'],
  ['DateTime', 'TIMESTAMP(3): UTC without a zone, to the millisecond'],
  ['Json', 'JSONB: order of keys, duplicate keys and white space are not kept'],
];

/** Functions that SQLite has and PostgreSQL has not. */
const SQLITE_FUNCTIONS =
  /\b(datetime|strftime|julianday|unixepoch|timediff|randomblob|zeroblob|hex|unhex|ifnull|iif|typeof|instr|printf|quote|unicode|last_insert_rowid|changes|total_changes|load_extension)\s*\(/i;

/** Named by field, with file and line. */
export function schemaNotes(files: readonly SchemaFile[]): SchemaNotes {
  const result: SchemaNotes = { notes: [], problems: [] };
  const fields = files.flatMap(fieldsOf);
  const enums = new Set(
    files.flatMap(({ text }) => blocksOf(text).flatMap(({ keyword, name }) => (keyword === 'enum' ? name : []))),
  );
  const typed = (label: string, is: (type: string) => boolean, meaning: string): void => {
    const found = fields.filter(({ type }) => is(type)).map(({ name }) => name);
    if (found.length > 0) result.notes.push(`${label} is ${meaning}: ${list(found)}.`);
  };
  for (const [type, meaning] of TYPES) typed(type, (one) => one === type, meaning);
  typed('An enum', (type) => enums.has(type), 'a type of PostgreSQL’s that takes no other value; SQLite kept text');
  for (const field of fields) noteField(field, result);
  if (files.some(({ text }) => blocksOf(text).some(keepsNoForeignKeys)))
    result.notes.push('relationMode is "prisma": the baseline has no foreign keys, as the schema says.');
  return result;
}

function noteField({ name, location, declaration }: Field, { notes, problems }: SchemaNotes): void {
  const [, written] = /\bdbgenerated\(\s*"((?:[^"\\]|\\.)*)"/.exec(declaration) ?? [];
  const [, type] = /\bUnsupported\(\s*"((?:[^"\\]|\\.)*)"/.exec(declaration) ?? [];
  if (type !== undefined)
    notes.push(`${name} (${location}) has the type ${type}, which PostgreSQL takes as it stands there.`);
  if (written === undefined) return;
  const expression = written.replace(/\\(.)/g, '$1');
  const call = SQLITE_FUNCTIONS.exec(expression)?.[1];
  if (call === undefined)
    notes.push(`${name} (${location}) has the default ${expression}, which PostgreSQL takes as it stands there.`);
  else
    problems.push({
      code: 'schema-default',
      message: `${name} (${location}) has the default ${expression}; PostgreSQL has no ${call.toLowerCase()}().`,
      remedy:
        'Give it one that both Prisma and PostgreSQL know (`@default(now())`, `@default(uuid())`) or PostgreSQL’s own ' +
        '(`dbgenerated("gen_random_uuid()")`), commit that, and run again.',
      object: name,
    });
}

interface Field {
  /** `User.email`. */
  name: string;
  /** Without `?` and `[]`. */
  type: string;
  /** `path, line 12`. */
  location: string;
  /** All that is said of it. */
  declaration: string;
}

function fieldsOf({ path, text }: SchemaFile): Field[] {
  return blocksOf(text)
    .filter(({ keyword }) => keyword === 'model')
    .flatMap(({ name, body, start }) =>
      [...body.matchAll(/^[ \t]*([A-Za-z]\w*)[ \t]+(\w+).*$/gm)].map((match) => {
        const [declaration, field = '', type = ''] = match;
        return {
          name: `${name}.${field}`,
          type,
          location: `${path}, line ${lineAt(text, start + match.index)}`,
          declaration,
        };
      }),
    );
}

function keepsNoForeignKeys({ keyword, properties }: ReturnType<typeof blocksOf>[number]): boolean {
  return (
    keyword === 'datasource' && properties.some(({ name, value }) => name === 'relationMode' && value === '"prisma"')
  );
}

function list(names: string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
