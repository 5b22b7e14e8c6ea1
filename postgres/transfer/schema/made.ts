import { qualified } from '../../connection/quote';
import type { MadeColumn } from './columns';
import { Untranslatable } from './expression';
import type { TableFacts } from './facts';

/** Something of the source's schema that is otherwise on PostgreSQL, or not there. */
export interface SchemaNote {
  /** `Table` or `Table.column`. */
  object: string;
  note: string;
}

/** A table that is made, as far as it is known. */
export class MadeTable {
  columns: MadeColumn[] = [];
  readonly qualified: string;
  /** Keys that can be referred to: the primary key first, each by its columns in the target. */
  readonly keys: string[][] = [];

  constructor(
    readonly facts: TableFacts,
    /** In the target. */
    readonly name: string,
    schema: string,
    private readonly notes: SchemaNote[],
  ) {
    this.qualified = qualified(schema, name);
  }

  note(note: string, column?: { facts: { name: string } }): void {
    this.notes.push({
      object: column === undefined ? this.facts.name : `${this.facts.name}.${column.facts.name}`,
      note,
    });
  }

  /** Undefined and a note where PostgreSQL has no equal of it. */
  attempt<T>(column: MadeColumn | undefined, what: string, make: () => T, instead = 'it is left out'): T | undefined {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof Untranslatable)) throw error;
      this.note(`${what}: ${error.message}; ${instead}`, column);
      return undefined;
    }
  }

  /** By the name in the source; undefined where it is not made. */
  column(name: string): MadeColumn | undefined {
    return this.columns.find(({ facts }) => facts.name.toLowerCase() === name.toLowerCase());
  }

  /** All of them, or Untranslatable. */
  columnsOf(names: readonly string[]): MadeColumn[] {
    return names.map((name) => {
      const found = this.column(name);
      if (found === undefined) throw new Untranslatable(`has the column ${name}, which is excluded`);
      return found;
    });
  }
}
