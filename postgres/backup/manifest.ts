/**
 * What a backup says of itself: `manifest.json` beside its files, written when everything else is on disk and read back. A folder or a prefix
 * without one is no backup.
 */
export const MANIFEST_FORMAT = 1;
export const MANIFEST_FILE = 'manifest.json';

/** How long a backup is kept for: the first of a month stands for the month, the first of an ISO week for the week. */
export const GENERATIONS = ['daily', 'weekly', 'monthly'] as const;
export type Generation = (typeof GENERATIONS)[number];

/** `directory`: pg_dump's, for pg_restore. `plain`: one `.sql.gz`, for psql. */
export type Layout = 'directory' | 'plain';
export type Compression = 'zstd' | 'gzip' | 'none';

export interface ManifestFile {
  /** Below the backup, with `/`: `dump/toc.dat`. */
  path: string;
  /** As it lies there, compressed and encrypted. */
  bytes: number;
  /** Hexadecimal, of the same bytes. */
  sha256: string;
}

export interface ManifestTable {
  schema: string;
  name: string;
  /** In the snapshot that was dumped. */
  rows: number;
  /** Sum of the hashes of all rows in the same snapshot, whatever their order; a signed integer of any size, as text. */
  checksum: string;
  /** Where its rows are, a path as in `files`. */
  file: string;
}

export interface Manifest {
  format: typeof MANIFEST_FORMAT;
  /** `20261126T020000Z-9f3c`: sorts by time, and is the name of the folder. */
  id: string;
  stack: string;
  /** `system`: PostgreSQL's system identifier; null where the server does not tell it. */
  database: { name: string; system: string | null };
  layout: Layout;
  compression: Compression;
  /** Recipients of age; null: not encrypted. */
  encryption: { method: 'age'; recipients: string[] } | null;
  generation: Generation;
  /** Why: `manual`, `schedule`, `before migration`. */
  reason: string;
  /** Who: account@host. */
  by: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  finishedAt: string;
  /** Seconds by phase. */
  seconds: Record<string, number>;
  server: { version: string; major: number };
  tools: { pgDump: string; coachdb: string };
  /** Log sequence number at the snapshot: `0/1A2B3C4`. */
  walPosition: string;
  files: ManifestFile[];
  tables: ManifestTable[];
  largeObjects: number;
  /** Bytes of all files. */
  bytes: number;
}
