import { openClient } from '../connection/client';
import type { ConnectionTarget } from '../spec';
import type { QualifiedName } from './description';

export interface IndexProgress {
  index: QualifiedName;
  /** pg_stat_progress_create_index.phase: `building index: scanning table`, `waiting for old snapshots`, ... */
  phase: string;
  /** Of this phase, 0 to 1; null where PostgreSQL does not count it. */
  fraction: number | null;
  /** Who a waiting phase waits for: process id, application, state, seconds its transaction is open. */
  waitingFor: string | null;
  elapsedMs: number;
}

interface ProgressRow {
  phase: string;
  done: string | null;
  total: string | null;
  locker: number | null;
  application: string | null;
  state: string | null;
  seconds: number | null;
}

const QUERY = `
SELECT p.phase, a.application_name AS application, a.state, NULLIF(p.current_locker_pid, 0) AS locker,
       round(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS seconds,
       CASE WHEN p.lockers_total > 0 AND p.phase LIKE 'waiting%' THEN p.lockers_done
            WHEN p.tuples_total > 0 THEN p.tuples_done ELSE p.blocks_done END AS done,
       CASE WHEN p.lockers_total > 0 AND p.phase LIKE 'waiting%' THEN p.lockers_total
            WHEN p.tuples_total > 0 THEN p.tuples_total ELSE p.blocks_total END AS total
  FROM pg_stat_progress_create_index p LEFT JOIN pg_stat_activity a ON a.pid = p.current_locker_pid
 WHERE p.pid = $1`;

/** Before a build is under way it waits for its lock on the table, which no progress view shows. */
const BLOCKED = `
SELECT 'waiting for the table' AS phase, a.application_name AS application, a.state, a.pid AS locker,
       round(extract(epoch FROM clock_timestamp() - a.xact_start))::int AS seconds, NULL AS done, NULL AS total
  FROM pg_blocking_pids($1) AS blocker (pids), pg_stat_activity a WHERE a.pid = ANY (pids) ORDER BY a.xact_start LIMIT 1`;

/**
 * Polls the progress of the build that backend `pid` runs, on a connection of its own, until the returned function is called. A build
 * shorter than `everyMs` opens none. Progress is a courtesy: where the connection cannot be had, there is silence, no error.
 */
export function watchBuild(
  target: ConnectionTarget,
  pid: number,
  index: QualifiedName,
  report: (progress: IndexProgress) => void,
  everyMs = 500,
): () => Promise<void> {
  const started = Date.now();
  let stopped = false;
  let wake: () => void = () => undefined;
  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, everyMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  const watching = (async () => {
    await pause();
    if (stopped) return;
    const client = await openClient(target, { applicationName: 'coachdb progress' });
    try {
      while (!stopped) {
        const { rows } = await client.query<ProgressRow>(QUERY, [pid]);
        const row = rows[0] ?? (await client.query<ProgressRow>(BLOCKED, [pid])).rows[0];
        if (row !== undefined) report(progressOf(index, row, Date.now() - started));
        await pause();
      }
    } finally {
      await client.end();
    }
  })().catch(() => undefined);
  return async () => {
    stopped = true;
    wake();
    await watching;
  };
}

function progressOf(index: QualifiedName, row: ProgressRow, elapsedMs: number): IndexProgress {
  const total = Number(row.total ?? 0);
  const { locker, application, state, seconds } = row;
  const waitingFor =
    locker === null
      ? null
      : `process ${locker} (${application === null || application === '' ? 'no application name' : application}, ${state ?? 'state unknown'}, transaction open for ${seconds ?? 0} s)`;
  const fraction = total > 0 ? Math.min(1, Number(row.done ?? 0) / total) : null;
  return { index, phase: row.phase, fraction, waitingFor, elapsedMs };
}
