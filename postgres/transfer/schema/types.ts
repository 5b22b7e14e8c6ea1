import type { ColumnKind } from './kinds';
import type { Stored } from './stored';

/** What SQLite itself knows, by declared type: what does not fit is a matter of policies, as in any transfer. */
const OWN: Readonly<Record<string, ColumnKind>> = {
  ...named(
    'integer',
    'INT',
    'INTEGER',
    'TINYINT',
    'SMALLINT',
    'MEDIUMINT',
    'BIGINT',
    'BIG INT',
    'INT2',
    'INT4',
    'INT8',
  ),
  ...named('text', 'TEXT', 'CLOB', 'CHAR', 'CHARACTER', 'VARCHAR', 'VARYING CHARACTER', 'CHARACTER VARYING'),
  ...named('text', 'NCHAR', 'NATIVE CHARACTER', 'NVARCHAR'),
  ...named('float', 'REAL', 'DOUBLE', 'DOUBLE PRECISION', 'FLOAT'),
  ...named('numeric', 'NUMERIC', 'DECIMAL'),
  ...named('bytes', 'BLOB'),
};

/** What says something to people alone: SQLite stores numbers or texts for it. Taken where all values are such. */
const MEANT: Readonly<Record<string, ColumnKind>> = {
  ...named('boolean', 'BOOLEAN', 'BOOL'),
  ...named('timestamp', 'DATETIME', 'TIMESTAMP'),
  ...named('date', 'DATE'),
  ...named('time', 'TIME'),
  ...named('json', 'JSON', 'JSONB'),
  ...named('uuid', 'UUID', 'GUID'),
};

function named(kind: ColumnKind, ...names: string[]): Record<string, ColumnKind> {
  return Object.fromEntries(names.map((name) => [name, kind]));
}

/** `varchar ( 20 )` -> VARCHAR. SQLite enforces no length. */
function baseOf(declaredType: string): string {
  return declaredType
    .replace(/\(.*$/s, '')
    .replace(/\b(un)?signed\b/gi, '')
    .trim()
    .replace(/\s+/g, ' ')
    .toUpperCase();
}

/** Whether the values have to be looked at to know the type. */
export const isUncertain = (declaredType: string): boolean => OWN[baseOf(declaredType)] === undefined;

export interface Choice {
  kind: ColumnKind;
  /** Why it is not what was declared. */
  note?: string;
  /** Nothing decided it: no type, no value. */
  isOpen?: boolean;
}

/** `stored`: where the type is uncertain. `hasCast`: the settings say what its numbers count, so they are times. */
export function chooseKind(declaredType: string, stored: Stored | undefined, hasCast: boolean): Choice {
  const base = baseOf(declaredType);
  const own = OWN[base];
  if (hasCast && own !== 'text') return { kind: base === 'DATE' ? 'date' : 'timestamp' };
  if (own !== undefined) return { kind: own };
  if (stored === undefined || isEmpty(stored)) {
    const meant = MEANT[base];
    return meant === undefined ? { kind: byAffinity(base), isOpen: base === '' || base === 'ANY' } : { kind: meant };
  }
  const meant = MEANT[base];
  if (meant !== undefined) {
    const found = ALSO[meant].find((kind) => fits(kind, stored));
    if (found !== undefined) return { kind: found };
  }
  const kind = byValues(stored);
  const declared = base === '' ? 'has no type' : `is declared ${JSON.stringify(declaredType)}`;
  return { kind, note: `${declared} and holds ${shown(stored)}` };
}

/** From the narrowest. */
const ALSO: Readonly<Record<ColumnKind, ColumnKind[]>> = {
  integer: [],
  float: [],
  numeric: [],
  text: [],
  bytes: [],
  boolean: ['boolean'],
  timestamp: ['timestamp'],
  date: ['date', 'timestamp'],
  time: ['time'],
  json: ['json'],
  uuid: ['uuid'],
};

function fits(kind: ColumnKind, stored: Stored): boolean {
  const { integers, reals, texts, blobs } = stored;
  const all = integers + reals + texts + blobs;
  switch (kind) {
    case 'boolean':
      return stored.zeroOrOne + stored.truths === all;
    case 'date':
      return stored.dates === all;
    case 'timestamp':
      return stored.milliseconds + stored.timestamps === all;
    case 'time':
      return stored.times === all;
    case 'json':
      return stored.json === all;
    case 'uuid':
      return stored.uuids === all;
    default:
      return true;
  }
}

/** The narrowest that all values fit into as they are; texts beside numbers become texts, and anything beside bytes becomes bytes. */
function byValues({ integers, reals, texts, blobs, large }: Stored): ColumnKind {
  if (blobs > 0) return 'bytes';
  if (texts > 0) return 'text';
  if (reals === 0) return 'integer';
  return integers === 0 || large === 0 ? 'float' : 'numeric';
}

/** https://www.sqlite.org/datatype3.html, section 3.1: the rules in their order. */
function byAffinity(base: string): ColumnKind {
  if (base.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(base) || base === '' || base === 'ANY') return 'text';
  if (base.includes('BLOB')) return 'bytes';
  return /REAL|FLOA|DOUB/.test(base) ? 'float' : 'numeric';
}

const isEmpty = ({ integers, reals, texts, blobs }: Stored): boolean => integers + reals + texts + blobs === 0;

const shown = ({ integers, reals, texts, blobs }: Stored): string =>
  Object.entries({ integers, reals, texts, blobs })
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
