import type { IndexColumn, IndexSpec } from '../spec';
import { parseOpclass } from './lookup';
import type { PrismaField, PrismaModel, PrismaSchema } from './prismaSchema';
import { methodOf } from './statement';

export interface IndexHints {
  /** Lines to paste, by model; a model that declares everything already is not there. */
  models: { model: string; lines: string[] }[];
  /** What has no line, or a line that does not say all, and what that means for `prisma migrate`. */
  notes: { index: string; table: string; severity: 'harmless' | 'drift'; note: string }[];
  /** Names of those that Prisma compares with its schema and its history. */
  seen: string[];
  /** Models and notes as text, ready to print. */
  text: string;
}

/** Prisma's own words for operator classes; an index that uses one of these classes counts as changed where the line says raw(...). */
const WORDS: Record<string, Record<string, string>> = {
  Gin: { jsonb_ops: 'JsonbOps', jsonb_path_ops: 'JsonbPathOps', array_ops: 'ArrayOps' },
  Gist: { inet_ops: 'InetOps' },
  SpGist: { inet_ops: 'InetOps', text_ops: 'TextOps' },
};

const TYPES: Record<string, string> = { hash: 'Hash', gin: 'Gin', gist: 'Gist', spgist: 'SpGist', brin: 'Brin' };

/**
 * The `@@index` and `@@unique` lines that make the application's Prisma schema agree with the declared indexes. How Prisma sees
 * each property was tried with its schema engine (7.10): it does not look at expressions, and at predicates only with its preview
 * feature; it takes included columns for further ones; it does not see nulls, collation, storage, tablespace, operator classes of
 * btree and hash. Without `schema` models and fields are taken to bear their tables' and columns' names.
 */
export function indexHints(indexes: readonly IndexSpec[], schema?: PrismaSchema): IndexHints {
  const hints: IndexHints = { models: [], notes: [], seen: [], text: '' };
  for (const index of indexes) {
    const note = (severity: 'harmless' | 'drift', text: string): void =>
      void hints.notes.push({ index: index.name, table: index.table, severity, note: text });
    const unseen = unseenBecause(index, schema);
    if (unseen !== undefined) {
      note('harmless', `needs no line: Prisma does not look at ${unseen}`);
      continue;
    }
    const model = modelOf(index, schema);
    if (model === undefined) {
      note('drift', 'no model stands for this table, so Prisma takes the whole table for drift');
      continue;
    }
    if (model.maps.includes(index.name)) {
      hints.seen.push(index.name);
      continue;
    }
    const line = lineOf(index, model, schema?.partialIndexes === true, (text) => note('drift', text));
    if (line === undefined) continue;
    hints.seen.push(index.name);
    for (const text of notSaid(index)) note('harmless', text);
    const group = hints.models.find((one) => one.model === model.name);
    if (group === undefined) hints.models.push({ model: model.name, lines: [line] });
    else group.lines.push(line);
  }
  return { ...hints, text: printed(hints) };
}

function unseenBecause(index: IndexSpec, schema: PrismaSchema | undefined): string | undefined {
  if (index.columns.some((column) => column.expression === true)) return 'indexes with expressions';
  if (index.predicate !== undefined && schema?.partialIndexes !== true) {
    return 'partial indexes (unless its preview feature partialIndexes is on)';
  }
  return undefined;
}

/** Properties that Prisma neither says nor sees. */
function notSaid(index: IndexSpec): string[] {
  const said: string[] = [];
  const add = (applies: boolean, what: string): void => {
    if (applies) said.push(`the line leaves out ${what}, which Prisma does not see`);
  };
  add(
    index.columns.some(({ order, nulls }) => nulls !== undefined && nulls !== (order === 'desc' ? 'first' : 'last')),
    'where nulls stand',
  );
  add(
    index.columns.some((column) => column.collation !== undefined),
    'the collation',
  );
  add(index.storage !== undefined && Object.keys(index.storage).length > 0, 'storage parameters');
  add(index.tablespace !== undefined, 'the tablespace');
  add(index.nullsNotDistinct === true, 'NULLS NOT DISTINCT');
  const method = methodOf(index);
  const plain = method === 'btree' || method === 'hash' || TYPES[method] === undefined;
  add(plain && index.columns.some((column) => column.opclass !== undefined), 'operator classes');
  add(plain && method !== 'btree' && method !== 'hash', `the method ${method}`);
  if (index.include !== undefined && index.include.length > 0) {
    said.push('Prisma takes included columns for key columns, so the line lists them as such');
  }
  return said;
}

function modelOf(index: IndexSpec, schema: PrismaSchema | undefined): PrismaModel | undefined {
  if (schema === undefined) {
    const { table } = index;
    return /^[A-Za-z]\w*$/.test(table) ? { name: table, table, schema: null, fields: [], maps: [] } : undefined;
  }
  return schema.models.find(
    (model) => model.table === index.table && (model.schema === null || model.schema === index.schema),
  );
}

function lineOf(
  index: IndexSpec,
  model: PrismaModel,
  partialIndexes: boolean,
  impossible: (why: string) => void,
): string | undefined {
  const type = TYPES[methodOf(index)];
  const columns: IndexColumn[] = [...index.columns, ...(index.include ?? []).map((name) => ({ name }))];
  const words: string[] = [];
  for (const column of columns) {
    const field = fieldOf(column.name, model);
    if (field === undefined) {
      impossible(`no field of model ${model.name} stands for column ${column.name}`);
      return undefined;
    }
    const options: string[] = [];
    if (column.opclass !== undefined && type === 'Brin') {
      impossible('Prisma has a word of its own for each BRIN operator class: write this line by hand');
      return undefined;
    }
    if (column.opclass !== undefined && type !== undefined && type !== 'Hash') {
      options.push(`ops: ${operatorClassName(type, parseOpclass(column.opclass).name)}`);
    } else if (needsOperatorClass(type, field)) {
      impossible(
        `Prisma has no ${type ?? ''} index over ${field.type} (field ${field.name}), and sees that there is one`,
      );
      return undefined;
    }
    if (column.order === 'desc') options.push('sort: Desc');
    words.push(options.length === 0 ? field.name : `${field.name}(${options.join(', ')})`);
  }
  const parts = [`[${words.join(', ')}]`, `map: ${JSON.stringify(index.name)}`];
  if (type !== undefined) parts.push(`type: ${type}`);
  if (partialIndexes && index.predicate !== undefined) parts.push(`where: raw(${JSON.stringify(index.predicate)})`);
  return `@@${index.unique === true ? 'unique' : 'index'}(${parts.join(', ')})`;
}

/** Without a schema a field bears its column's name, if a field can. */
function fieldOf(column: string, model: PrismaModel): PrismaField | undefined {
  if (model.fields.length > 0) return model.fields.find((field) => field.column === column);
  if (!/^[A-Za-z]\w*$/.test(column)) return undefined;
  return { name: column, column, type: '', list: false, native: null };
}

/** Classes that btree_gin and btree_gist add are defaults, which Prisma sees and has no words for. */
function needsOperatorClass(type: string | undefined, field: PrismaField): boolean {
  if (field.type === '') return false;
  if (type === 'Gin') return field.type !== 'Json' && !field.list;
  return type === 'Gist' && field.native !== 'Inet';
}

/** `jsonb_path_ops` -> `JsonbPathOps`, `public.gin_trgm_ops` -> `raw("gin_trgm_ops")`: Prisma compares names without their schema. */
function operatorClassName(type: string, opclass: string): string {
  const name = opclass.slice(opclass.lastIndexOf('.') + 1);
  return WORDS[type]?.[name] ?? `raw(${JSON.stringify(name)})`;
}

function printed({ models, notes }: IndexHints): string {
  const lines: string[] = [];
  for (const { model, lines: own } of models) {
    lines.push(`model ${model} {`, ...own.map((line) => `  ${line}`), '}', '');
  }
  const drift = notes.filter((note) => note.severity === 'drift');
  const harmless = notes.filter((note) => note.severity === 'harmless');
  const list = (title: string, of: typeof notes): void => {
    if (of.length === 0) return;
    lines.push(`// ${title}`, ...of.map(({ index, table, note }) => `//   ${index} on ${table}: ${note}`), '');
  };
  list('Prisma would report these as drift:', drift);
  list('Prisma is silent about these:', harmless);
  if (lines.length === 0) return '// The schema declares every index already.\n';
  return lines.join('\n');
}
