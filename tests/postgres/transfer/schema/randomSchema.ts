import fc from 'fast-check';

export interface RandomTable {
  name: string;
  sql: string[];
  columns: { name: string; type: Type }[];
  /** The first column is the row's number: where SQLite counts for NULL, PostgreSQL refuses it. */
  isNumbered: boolean;
}

export interface RandomDatabase {
  tables: RandomTable[];
  /** Before the transfer, on SQLite alone; what its rules refuse is left out. */
  rows: string[];
  /** Afterwards, on both. */
  changes: { sqlite: string; postgres: string }[];
}

/** Few values, so that keys collide and references find something; as literals of SQLite. */
const VALUES = {
  INTEGER: ['-2', '-1', '0', '1', '2', '3', '5000000000'],
  TEXT: [`''`, `'a'`, `'A'`, `'b'`, `'ab'`, `'ä'`, `'Ä'`, `'a%'`, `'it''s'`, `'a '`],
  REAL: ['0.5', '-1.5', '2.0', '1e300'],
  BOOLEAN: ['0', '1'],
  BLOB: [`x''`, `x'00ff'`, `x'61'`],
  DECIMAL: ['1', '2.5', '-0.125'],
};
type Type = keyof typeof VALUES;
const TYPES = Object.keys(VALUES) as Type[];

const CHECKS: Record<Type, string[]> = {
  INTEGER: [
    '# > -2',
    '# BETWEEN -1 AND 9',
    '# % 2 = 0 OR # IS NULL',
    '# IN (1, 2, 3)',
    'NOT # = 0',
    'abs(#) * 2 + 1 < 6',
  ],
  TEXT: [
    'length(#) < 2',
    `# <> ''`,
    `# IN ('a', 'b', 'ä')`,
    `# GLOB '[a-b]*'`,
    `# LIKE 'A%'`,
    `lower(#) = #`,
    `# >= 'a'`,
    `typeof(#) = 'text'`,
  ],
  REAL: ['# > 0', '# * 2 <> 1', '# IS NOT NULL'],
  BOOLEAN: ['# IN (0, 1)', '# = 1', '#', 'NOT #'],
  BLOB: ['length(#) < 2', `# <> x'61'`],
  DECIMAL: ['# > 0', '# <> 1'],
};

/** As PostgreSQL writes it. */
function literal(type: Type, value: string): string {
  if (value === 'NULL') return value;
  if (type === 'BOOLEAN') return value === '1' ? 'TRUE' : 'FALSE';
  return type === 'BLOB' ? `'\\x${value.slice(2, -1)}'` : value;
}

interface Key {
  table: string;
  columns: string[];
  types: Type[];
}

type Take = <T>(values: readonly T[]) => T;
type Chance = (percent: number) => boolean;

/** A database of one to three tables that refer to one another. */
export const anyDatabase: fc.Arbitrary<RandomDatabase> = fc.infiniteStream(fc.nat(9_999)).map((stream) => {
  const next = (): number => Number(stream.next().value);
  const take: Take = <T>(values: readonly T[]): T => values[next() % values.length] as T;
  const chance: Chance = (percent) => next() % 100 < percent;
  const keys: Key[] = [];
  const tables = Array.from({ length: 1 + (next() % 3) }, (_, at) => randomTable(`t${at}`, keys, take, chance));
  const statement = (): { sqlite: string; postgres: string } => {
    const table = take(tables);
    // Where a text is equal by NOCASE in SQLite, it is not on PostgreSQL.
    const exact = table.columns.filter(({ type }) => type !== 'TEXT');
    if (exact.length > 0 && chance(20)) {
      const column = take(exact);
      const value = take(VALUES[column.type]);
      return {
        sqlite: `DELETE FROM ${table.name} WHERE ${column.name} = ${value}`,
        postgres: `DELETE FROM ${table.name} WHERE ${column.name} = ${literal(column.type, value)}`,
      };
    }
    const columns = table.columns.filter((_, at) => at === 0 || chance(90));
    const values = columns.map(({ type }, at) =>
      chance(15) && !(table.isNumbered && at === 0) ? 'NULL' : take(VALUES[type]),
    );
    const head = `INSERT INTO ${table.name} (${columns.map(({ name }) => name).join(', ')}) VALUES`;
    return {
      sqlite: `${head} (${values.join(', ')})`,
      postgres: `${head} (${values.map((value, at) => literal(columns[at]?.type ?? 'TEXT', value)).join(', ')})`,
    };
  };
  const rows = Array.from({ length: next() % 40 }, () => statement().sqlite);
  return { tables, rows, changes: Array.from({ length: 25 }, statement) };
});

function randomTable(name: string, keys: Key[], take: Take, chance: Chance): RandomTable {
  const types = Array.from({ length: 2 + (chance(50) ? 1 : 0) + (chance(50) ? 2 : 0) }, () => take(TYPES));
  const how = take(['none', 'number', 'one', 'two', 'without rowid'] as const);
  if (how === 'number') types[0] = 'INTEGER';
  const columns = types.map((type, at) => ({ name: `c${at}`, type }));
  const key = how === 'none' ? [] : how === 'two' ? columns.slice(0, 2).reverse() : columns.slice(0, 1);
  const lines = columns.map(({ name: column, type }, at) => {
    const parts = [column, type];
    const isKey = key.some((each) => each.name === column);
    // SQLite takes NULL in a key, which PostgreSQL does not.
    if (how === 'number' && at === 0) parts.push('PRIMARY KEY', 'NOT NULL');
    else if (isKey || chance(20)) parts.push('NOT NULL');
    if (type === 'TEXT' && !isKey && chance(30)) parts.push('COLLATE NOCASE');
    if (chance(25)) parts.push(`DEFAULT ${take(VALUES[type])}`);
    if (chance(25)) parts.push(`CHECK (${take(CHECKS[type]).replaceAll('#', column)})`);
    if (!isKey && chance(15)) parts.push('UNIQUE');
    return parts.join(' ');
  });
  if (key.length > 0 && how !== 'number') lines.push(`PRIMARY KEY (${key.map((each) => each.name).join(', ')})`);
  if (key.length > 0)
    keys.push({ table: name, columns: key.map((each) => each.name), types: key.map(({ type }) => type) });
  const referred = keys.length > 0 && chance(70) ? take(keys) : undefined;
  if (referred !== undefined) {
    const own = referred.types.map((type, at) => {
      columns.push({ name: `r${at}`, type });
      lines.splice(columns.length - 1, 0, `r${at} ${type}`);
      return `r${at}`;
    });
    const to = chance(50) ? '' : ` (${referred.columns.join(', ')})`;
    const action = take(['', ' ON DELETE CASCADE', ' ON DELETE SET NULL', ' ON DELETE CASCADE ON UPDATE CASCADE']);
    const deferral = take(['', '', ' DEFERRABLE INITIALLY DEFERRED']);
    lines.push(`FOREIGN KEY (${own.join(', ')}) REFERENCES ${referred.table}${to}${action}${deferral}`);
  }
  const sql = [`CREATE TABLE ${name} (${lines.join(', ')})${how === 'without rowid' ? ' WITHOUT ROWID' : ''}`];
  if (chance(60)) {
    const items = columns.filter(() => chance(40)).map((each) => `${each.name}${take(['', ' DESC'])}`);
    const condition = take(columns);
    const where = chance(40) ? ` WHERE ${take(CHECKS[condition.type]).replaceAll('#', condition.name)}` : '';
    if (items.length > 0)
      sql.push(`CREATE ${take(['', 'UNIQUE '])}INDEX i_${name} ON ${name} (${items.join(', ')})${where}`);
  }
  return { name, sql, columns, isNumbered: key.length === 1 && types[0] === 'INTEGER' && how !== 'without rowid' };
}
