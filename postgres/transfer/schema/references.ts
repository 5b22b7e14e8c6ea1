import { qualified, quoteIdentifier } from '../../connection/quote';
import { match } from '../names';
import type { TargetTable } from '../target/tables';
import { Untranslatable } from './expression';
import type { ReferenceFacts } from './facts';
import { type ColumnKind, TYPES } from './kinds';
import type { MadeTable } from './made';

/** A table that is referred to, made or there before. */
interface Parent {
  qualified: string;
  columns: { name: string; type: string }[];
  keys: string[][];
}

export class References {
  constructor(
    private readonly made: readonly MadeTable[],
    private readonly targets: readonly TargetTable[],
    private readonly schema: string,
  ) {}

  /** A column without type and values is what it refers to. */
  settleOpen(table: MadeTable): void {
    for (const reference of table.facts.references) {
      reference.columns.forEach((name, at) => {
        const column = table.column(name);
        if (column?.isOpen !== true) return;
        const parent = this.parentOf(reference);
        const referred = parent === undefined ? undefined : referredColumns(reference, parent)[at];
        const kind = parent?.columns.find((each) => each.name === referred)?.type;
        const found = (Object.keys(TYPES) as ColumnKind[]).find((one) => typeOf(one) === kind);
        if (found !== undefined) column.kind = found;
      });
    }
  }

  statements(table: MadeTable): string[] {
    return table.facts.references.flatMap((reference) => {
      const what = `the foreign key (${reference.columns.join(', ')}) to ${reference.parent}`;
      return table.attempt(undefined, what, () => this.sqlOf(table, reference)) ?? [];
    });
  }

  private sqlOf(table: MadeTable, reference: ReferenceFacts): string {
    const { onDelete, onUpdate, deferral } = reference;
    const parent = this.parentOf(reference);
    if (parent === undefined) throw new Untranslatable(`refers to a table that is neither there nor made`);
    const columns = table.columnsOf(reference.columns);
    const referred = referredColumns(reference, parent);
    const isKey = parent.keys.some(
      (key) => key.length === referred.length && key.every((name) => referred.includes(name)),
    );
    if (!isKey || referred.length !== columns.length)
      throw new Untranslatable('refers to what is no key on PostgreSQL');
    columns.forEach(({ kind, computedBy }, at) => {
      const type = parent.columns.find(({ name }) => name === referred[at])?.type ?? '';
      if (computedBy !== undefined) throw new Untranslatable('is of a computed column');
      if (!isComparable(typeOf(kind), type)) throw new Untranslatable(`compares ${TYPES[kind]} with ${type}`);
    });
    const list = (names: readonly string[]): string => `(${names.map(quoteIdentifier).join(', ')})`;
    return [
      `ALTER TABLE ${table.qualified} ADD FOREIGN KEY ${list(columns.map(({ name }) => name))} REFERENCES ${parent.qualified} ${list(referred)}`,
      ...action('ON DELETE', onDelete),
      ...action('ON UPDATE', onUpdate),
      ...(deferral === 'none' ? [] : [`DEFERRABLE INITIALLY ${deferral.toUpperCase()}`]),
    ].join(' ');
  }

  private parentOf({ parent: name }: ReferenceFacts): Parent | undefined {
    const made = this.made.find(({ facts }) => facts.name.toLowerCase() === name.toLowerCase());
    if (made !== undefined) {
      const columns = made.columns.map((column) => ({ name: column.name, type: typeOf(column.kind) }));
      return { qualified: made.qualified, columns, keys: made.keys };
    }
    const target = match(name, this.targets);
    if (target === undefined || !target.kind.endsWith('table') || target.kind === 'foreign table') return undefined;
    const keys = target.constraints.filter(({ type }) => type === 'p' || type === 'u');
    return {
      qualified: qualified(this.schema, target.name),
      columns: target.columns.map(({ name: column, type }) => ({ name: column, type })),
      keys: keys.sort((one, other) => one.type.localeCompare(other.type)).map(({ columns }) => columns),
    };
  }
}

/** Without columns: the parent's primary key, which is the first. */
function referredColumns({ parentColumns }: ReferenceFacts, { columns, keys }: Parent): string[] {
  if (parentColumns.length === 0) return keys[0] ?? [];
  return parentColumns.flatMap((name) => match(name, columns)?.name ?? []);
}

const ACTIONS = new Set(['RESTRICT', 'SET NULL', 'SET DEFAULT', 'CASCADE']);

const action = (event: string, does: string): string[] => {
  const name = does.toUpperCase();
  return ACTIONS.has(name) ? [`${event} ${name}`] : [];
};

/** As the catalog prints it. */
const typeOf = (kind: ColumnKind): string =>
  kind === 'timestamp' || kind === 'time' ? `${TYPES[kind]} without time zone` : TYPES[kind];

const INTEGERS = new Set(['smallint', 'integer', 'bigint']);

/** Whether PostgreSQL takes one type as a reference to the other. */
function isComparable(own: string, referred: string): boolean {
  if (own === referred) return true;
  if (INTEGERS.has(own))
    return INTEGERS.has(referred) || referred.startsWith('numeric') || referred === 'double precision';
  return own === 'text' && referred.startsWith('character varying');
}
