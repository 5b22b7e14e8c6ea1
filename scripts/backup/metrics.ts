import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { FolderBackup } from '../../postgres/backup/folder';
import { writeAtomically } from '../../system/atomicFile';
import { messageOf } from '../../system/errors';
import { stackHome } from '../workspace';
import type { BackupWorkplace } from './workplace';

/** For the textfile collector of Prometheus' node_exporter. */
export const metricsFile = ({ stack }: BackupWorkplace): string =>
  join(stackHome(stack.workspace, stack.name), 'metrics', 'coachdb_backup.prom');

interface Gauge {
  name: string;
  help: string;
  value: (backup: FolderBackup) => number;
}

const seconds = (date: Date): number => Math.round(date.getTime() / 1000);

const GAUGES: readonly Gauge[] = [
  {
    name: 'coachdb_backup_last_success_timestamp_seconds',
    help: 'When the newest good backup began.',
    value: ({ startedAt }) => seconds(startedAt),
  },
  {
    name: 'coachdb_backup_duration_seconds',
    help: 'How long the newest good backup took.',
    value: ({ durationMs }) => durationMs / 1000,
  },
  { name: 'coachdb_backup_size_bytes', help: 'Size of the newest good backup.', value: ({ bytes }) => bytes },
  {
    name: 'coachdb_backup_restore_verified_timestamp_seconds',
    help: 'When the newest good backup was last restored to a scratch database and found equal; 0: never.',
    value: ({ restored }) => (restored?.ok === true ? seconds(restored.at) : 0),
  },
];

/** The metrics as text: of each kind (daily, weekly, monthly) the newest good backup, and how many there are of each state. */
export function metricsText(stack: string, backups: readonly FolderBackup[]): string {
  const label = (kind: string): string => `{stack="${stack}",kind="${kind}"}`;
  const newest = new Map<string, FolderBackup>();
  for (const backup of backups) if (backup.state === 'good') newest.set(backup.generation, backup);
  const all = backups.filter(({ state }) => state === 'good').at(-1);
  const of: [string, FolderBackup][] = [
    ...newest,
    ...(all === undefined ? [] : [['any', all] as [string, FolderBackup]]),
  ];
  const lines = GAUGES.flatMap(({ name, help, value }) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...of.map(([kind, backup]) => `${name}${label(kind)} ${value(backup)}`),
  ]);
  const counts = (['good', 'bad', 'incomplete'] as const).map(
    (state) =>
      `coachdb_backups{stack="${stack}",state="${state}"} ${backups.filter((one) => one.state === state).length}`,
  );
  return `${[...lines, '# HELP coachdb_backups Backups by state.', '# TYPE coachdb_backups gauge', ...counts].join('\n')}\n`;
}

/** Never throws: a backup is as good without its metrics. */
export function writeMetrics(
  workplace: BackupWorkplace,
  backups: readonly FolderBackup[],
  warn: (line: string) => void,
): void {
  try {
    const file = metricsFile(workplace);
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    // node_exporter runs as an account of its own.
    writeAtomically(file, metricsText(workplace.stack.name, backups), { mode: 0o644 });
  } catch (error) {
    warn(`warning: no metrics were written: ${messageOf(error)}`);
  }
}
