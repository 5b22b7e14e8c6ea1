import type { Encode } from './binary';
import type { Converted, SourceValue } from './value';

/** An SQL expression of SQLite, as an argument of its format(). */
export interface Piece {
  /** `%Q` writes NULL for NULL by itself; whatever else is used for values that are not. */
  spec: string;
  arguments: string[];
}

export type Present = Exclude<SourceValue, { storage: 'null' }>;

/**
 * How values of one target column are moved and compared. Most rows are moved as they are stored (`encode`). In tables that cannot be read so, SQLite
 * writes the line for COPY (`copy`) of those whose values all fit (`fits`). All other rows are converted one by one (`convert`). For the checksum SQLite writes the
 * canonical form (`canonical`), whatever way the row went; `server` is that form in PostgreSQL.
 */
export interface Conversion {
  /** For the plan: `integer milliseconds or text to timestamp(3)`. */
  label: string;
  /** SQL of SQLite: true where both SQL forms are exact; `x` is the column, not NULL. */
  fits: (x: string) => string;
  copy: (x: string) => Piece;
  /** Undefined for types whose values are given to PostgreSQL as text alone: their tables are not read as they are stored. */
  encode: Encode | undefined;
  /** Its canonical form; `json` and `float` are made in JavaScript, since SQLite has none that is exact. */
  canonical: ((x: string) => Piece) | 'json' | 'float';
  /** The canonical form in SQL of PostgreSQL, NULL for NULL; `c` is the column. */
  server: (c: string) => string;
  convert: (value: Present) => Converted;
}

/** As SQLite's `%Q` writes it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `%Q` in SQL of PostgreSQL. */
export const serverQuoted = (c: string, text = `${c}::text`): string =>
  `'''' || replace(${text} COLLATE "C", '''', '''''') || ''''`;

export const asText = (x: string): Piece => ({ spec: '%Q', arguments: [x] });
export const asIs = (x: string): Piece => ({ spec: '%s', arguments: [x] });
