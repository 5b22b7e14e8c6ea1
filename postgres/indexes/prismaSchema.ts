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

/**
 * Reads models, fields and maps from the text of a Prisma schema (several files: joined). It is no validator: what it does not know
 * it skips, and `prisma validate` is who complains.
 */
export function readPrismaSchema(text: string): PrismaSchema {
  const schema: PrismaSchema = { models: [], partialIndexes: false };
  let model: PrismaModel | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = withoutComment(raw).trim();
    const opening = /^model\s+(\w+)\s*\{/.exec(line)?.[1];
    if (opening !== undefined) {
      model = { name: opening, table: opening, schema: null, fields: [], maps: [] };
      schema.models.push(model);
    } else if (line === '}') model = undefined;
    else if (model !== undefined) readLine(model, line);
    else if (/^previewFeatures\s*=.*"partialIndexes"/.test(line)) schema.partialIndexes = true;
  }
  return schema;
}

function readLine(model: PrismaModel, line: string): void {
  const map = argument(line, /\bmap\s*:\s*/);
  if (/^@@map\b/.test(line)) model.table = argument(line, /^@@map\s*\(\s*(?:name\s*:\s*)?/) ?? model.table;
  else if (/^@@schema\b/.test(line)) model.schema = argument(line, /^@@schema\s*\(\s*(?:map\s*:\s*)?/) ?? null;
  else if (/^@@(?:index|unique)\b/.test(line)) {
    if (map !== undefined) model.maps.push(map);
  } else {
    const field = /^(\w+)\s+(\w+)(\[\])?/.exec(line);
    if (field === null) return;
    const [, name = '', type = '', list] = field;
    const column = argument(line, /@map\s*\(\s*(?:name\s*:\s*)?/) ?? name;
    const native = /@db\.(\w+)/.exec(line)?.[1] ?? null;
    model.fields.push({ name, column, type, list: list !== undefined, native });
    const unique = argument(line, /@unique\s*\([^)]*?\bmap\s*:\s*/);
    if (unique !== undefined) model.maps.push(unique);
  }
}

/** The string literal right after `before`; Prisma escapes in its strings as JSON does. */
function argument(line: string, before: RegExp): string | undefined {
  const start = before.exec(line);
  if (start === null) return undefined;
  const literal = /^"(?:[^"\\]|\\.)*"/.exec(line.slice(start.index + start[0].length))?.[0];
  if (literal === undefined) return undefined;
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}

function withoutComment(line: string): string {
  let quoted = false;
  for (let index = 0; index < line.length; index += 1) {
    if (line[index] === '\\' && quoted) index += 1;
    else if (line[index] === '"') quoted = !quoted;
    else if (!quoted && line.startsWith('//', index)) return line.slice(0, index);
  }
  return line;
}
