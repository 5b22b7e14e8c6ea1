import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { compileInto, ROOT } from '../../support/compiled';
import { deploy, migrationFolder, removeFolders, type Stage, stage } from './support';

const FIRST = '20250101000000_first';
const SECOND = '20250102000000_second';
const directory = migrationFolder({
  [FIRST]: 'CREATE TABLE one (id int); INSERT INTO one VALUES (1);',
  [SECOND]: 'CREATE TABLE two (id int); INSERT INTO two VALUES (1);',
});
/** locked, table, and for each migration: begin, two statements, record, commit, applied. */
const EVENTS = 2 + 2 * 6;

// As JavaScript a run starts in a tenth of the time, and there are many.
const compiled = compileInto('coach-crash-', [
  'postgres',
  'postgres/connection',
  'postgres/migrations',
  'postgres/roles',
]);

let place: Stage;
beforeAll(async () => {
  place = await stage('crash');
});
afterAll(async () => {
  rmSync(compiled, { recursive: true });
  await place.close();
  removeFolders();
});

/** Starts the run in a process of its own and waits until it stands at the event, or is done. */
async function runUntil(stopAt: number): Promise<{ child: ChildProcess; said: string }> {
  const argument = JSON.stringify({ compiled, target: place.target, owner: place.owner, directory, stopAt });
  const child = spawn(process.execPath, [join(__dirname, 'crashing.cjs'), argument], {
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim()));
    child.once('exit', (code) => reject(new Error(`The run ended with ${code} before it said anything.`)));
  });
  return { child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

async function state(): Promise<Record<string, unknown>> {
  const { rows } = await place.database.client.query<Record<string, unknown>>(
    `SELECT to_regclass('one') IS NOT NULL AS one, to_regclass('two') IS NOT NULL AS two,
            to_regclass('_prisma_migrations') IS NOT NULL AS history`,
  );
  const history = rows[0]?.history === true;
  const recorded = history
    ? await place.database.client.query<{ name: string; whole: boolean }>(
        'SELECT migration_name AS name, finished_at IS NOT NULL AS whole FROM _prisma_migrations ORDER BY 1',
      )
    : { rows: [] };
  return { ...rows[0], recorded: recorded.rows };
}

it('leaves each migration recorded or not applied, wherever SIGKILL strikes, and the next run completes', async () => {
  for (let event = 1; event <= EVENTS; event += 1) {
    const { child, said } = await runUntil(event);
    expect(said).toBe('stopped');
    await kill(child);
    // The server notices the closed socket by itself; its backend holds the lock until then.
    await expect
      .poll(() =>
        place.database.client
          .query(`SELECT FROM pg_stat_activity WHERE usename = $1`, [place.target.user])
          .then((r) => r.rowCount),
      )
      .toBe(1);
    const { one, two, recorded } = await state();
    const names = (recorded as { name: string; whole: boolean }[]).map((row) => (row.whole ? row.name : 'half'));
    expect({ event, one, two }).toEqual({ event, one: names.includes(FIRST), two: names.includes(SECOND) });
    expect(names).not.toContain('half');

    await deploy(place, directory);
    const counts = await place.database.client.query(
      'SELECT (SELECT count(*)::int FROM one) AS one, (SELECT count(*)::int FROM two) AS two',
    );
    expect(counts.rows).toEqual([{ one: 1, two: 1 }]);
    await place.database.client.query('DROP TABLE one, two, _prisma_migrations');
  }
  const whole = await runUntil(0);
  expect(whole.said).toBe(`done ${EVENTS}`);
});
