import type { Issues } from './load/issues';
import type { Loaded } from './load/load';
import type { NextNumber } from './load/sequences';
import type { SchemaPlan } from './schema/plan';
import type { Policies } from './values/kinds';

/** What a load needs to know of the database. */
export interface TransferTarget {
  /** The application's schema, and who owns its tables: the role that logged in is a member. */
  schema: string;
  owner: string;
  /** The trail's schema and the tables it records, where there is a trail. */
  trail: { schema: string; tables: readonly { schema: string; table: string }[] };
}

export interface TransferSettings {
  policies: Policies;
  /** Rows that are there may go. */
  truncate: boolean;
  /** Compared before the commit; false for measuring alone. */
  verify: boolean;
  issues: Issues;
  /** Somebody who reads or writes the tables is waited for this long; default 10 000. */
  lockWaitMs?: number;
  /** Tables that are made first, in the same transaction; the plan was made with them in the target. */
  schema?: SchemaPlan;
  signal?: AbortSignal;
  onPhase?: (phase: Phase) => void;
  /** So many more. */
  onRows?: (rows: number) => void;
}

export const PHASES = ['rows', 'indexes', 'references', 'checksums', 'commit'] as const;
export type Phase = (typeof PHASES)[number];

export interface TableResult extends Loaded {
  table: string;
  target: string;
  /** Sum of the rows' hashes, as both sides have it: its lowest 64 bits, hexadecimal. */
  checksum: string | null;
}

export interface TransferResult {
  tables: TableResult[];
  sequences: NextNumber[];
  /** Seconds of each phase. */
  seconds: Record<Phase, number>;
}
