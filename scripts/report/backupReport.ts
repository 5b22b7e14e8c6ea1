import { toProblem } from '../../system/errors';
import type { TakenBackup } from '../backup/take';
import type { ReportDocument, Section } from './document';
import { formatValue } from './format';
import { phasesTable } from './phases';

export interface BackupFindings {
  stack: string;
  directory: string;
  taken: TakenBackup | undefined;
  /** What it ended with. */
  error: unknown;
}

type Contents = Pick<ReportDocument, 'title' | 'summary' | 'facts' | 'sections'>;

/** What a report of a backup says, apart from when and how it ended. */
export function backupReport({ stack, directory, taken, error }: BackupFindings): Contents {
  const title = `Backup of stack ${stack}`;
  if (taken === undefined) {
    return {
      title,
      summary: error === undefined ? 'No backup was made.' : toProblem(error).message,
      facts: [{ label: 'Folder', value: directory }],
      sections: [],
    };
  }
  const { manifest, removed } = taken;
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  const size = formatValue(manifest.bytes, 'bytes');
  return {
    title,
    summary: `Backup ${manifest.id}: ${formatValue(rows, 'integer')} rows of ${manifest.tables.length} tables in ${size}, read back and whole.`,
    facts: [
      { label: 'Folder', value: taken.folder },
      { label: 'Database', value: manifest.database.name },
      { label: 'Server', value: `PostgreSQL ${manifest.server.version}` },
      { label: 'Stands for', value: manifest.generation },
      { label: 'Compression', value: manifest.compression },
      { label: 'Size', value: manifest.bytes, kind: 'bytes' },
      { label: 'WAL position', value: manifest.walPosition },
      ...(taken.uri === undefined ? [] : [{ label: 'In S3', value: taken.uri }]),
      ...(removed.length === 0 ? [] : [{ label: 'Removed', value: removed.join(', ') }]),
    ],
    sections: [tables(taken), phases(taken), ...history(taken)],
  };
}

const tables = ({ manifest }: TakenBackup): Section => ({
  heading: 'Tables',
  tables: [
    {
      caption: 'Rows in the snapshot that was dumped',
      columns: [
        { heading: 'Table', kind: 'text' },
        { heading: 'Rows', kind: 'integer' },
        { heading: 'Sum of hashes', kind: 'text' },
      ],
      rows: manifest.tables.map(({ schema, name, rows, checksum }) => [`${schema}.${name}`, rows, checksum]),
      totals: ['all', manifest.tables.reduce((sum, { rows }) => sum + rows, 0), null],
    },
  ],
});

const phases = ({ manifest }: TakenBackup): Section => ({ heading: 'Time', tables: [phasesTable(manifest.seconds)] });

/** A plot of one point says nothing. */
function history({ history: backups }: TakenBackup): Section[] {
  if (backups.length < 2) return [];
  return [
    {
      heading: 'History',
      series: [
        { caption: 'Size', kind: 'bytes', points: backups.map(({ startedAt: at, bytes: value }) => ({ at, value })) },
        {
          caption: 'Duration',
          kind: 'seconds',
          points: backups.map(({ startedAt: at, durationMs }) => ({ at, value: durationMs / 1000 })),
        },
      ],
    },
  ];
}
