import type { Problem } from '../../system/errors';
import type { Status } from '../command';

/**
 * What a command found out, said once for every form of it: text on the terminal, Markdown for a review, a page to hand on. Plain
 * data with raw values: the forms format them (`format.ts`) and make any text in them harmless, so names and values of
 * a database go in as they are. JSON is not made of it: that is the command's own `fields`.
 */
export interface ReportDocument {
  /** What was done to what: `Transfer of app.db into inclusive_ai`. */
  title: string;
  status: Status;
  stack: string;
  startedAt: Date;
  durationMs: number;
  /** The outcome in one sentence. */
  summary: string;
  facts: readonly Fact[];
  sections: readonly Section[];
  /** As the command's result has them. The text form leaves them out: the command line prints them on stderr. */
  problems: readonly Problem[];
}

/** A label and its value, text unless a kind says otherwise. */
export interface Fact {
  label: string;
  value: Value;
  kind?: Kind;
}

export interface Section {
  heading: string;
  /** Prose; what stands between backticks is shown as code, `\n` is a line break. */
  paragraphs?: readonly string[];
  tables?: readonly Table[];
  series?: readonly Series[];
}

/** The first column names the row. */
export interface Table {
  /** What the rows are: `Tables of the source`. */
  caption: string;
  columns: readonly Column[];
  /** A value for each column. */
  rows: readonly (readonly Value[])[];
  /** One more row below the others, set apart. */
  totals?: readonly Value[];
}

export interface Column {
  heading: string;
  /** Numbers are aligned to the right, texts and checksums to the left. */
  kind: Kind;
}

/**
 * integer: a count; bytes: bytes; seconds: seconds; rate: a count per second; percent: a fraction, 0.5 is 50 %; checksum: hexadecimal text,
 * never cut but on the terminal.
 */
export type Kind = 'text' | 'integer' | 'bytes' | 'seconds' | 'rate' | 'percent' | 'checksum';

/** null: there is none, shown as a dash. An integer beyond 2^53 comes as text. */
export type Value = string | number | null;

/** One measure over time, oldest first. */
export interface Series {
  caption: string;
  kind: Exclude<Kind, 'text' | 'checksum'>;
  points: readonly { at: Date; value: number }[];
}
