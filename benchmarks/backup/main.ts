import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';

import { zstdProgram } from '../../postgres/backup/compress';
import { dumpDirectory } from '../../postgres/backup/dump';
import { makeBackup } from '../../postgres/backup/make';
import { readManifest } from '../../postgres/backup/manifestFile';
import { type DumpPrograms, findDumpPrograms } from '../../postgres/backup/programs';
import { restoreDatabase } from '../../postgres/backup/restore/restore';
import { beginSnapshot } from '../../postgres/backup/snapshot';
import { syncFolder } from '../../postgres/backup/sync';
import { tableChecksum } from '../../postgres/backup/tableChecksum';
import { withClient } from '../../postgres/connection/client';
import type { ConnectionTarget } from '../../postgres/spec';
import { count, print } from '../arguments';
import { type BenchmarkServer, withBenchmarkServer } from '../server';
import { median, spread, timed } from '../statistics';
import { fill } from './data';

const HELP = `npm run benchmark:backup -- [--megabytes 1000] [--rounds 3]

  --megabytes  about so much, as COPY writes it
  --rounds     how often each contender runs, in turn with the others
`;

const run = promisify(execFile);
const JOBS = 2;
const PATH = process.env['PATH'] ?? '';

interface Setting {
  server: BenchmarkServer;
  target: ConnectionTarget;
  programs: DumpPrograms;
  folder: string;
}

interface Measure {
  seconds: number;
  bytes: number;
}

/** The shell's pipes, as people write them; bash, since its pipefail is the least that has to be asked of them. */
const shell = (setting: Setting, script: string): Promise<unknown> => {
  const { host, port, user, password = '', database } = setting.target;
  const env = { PATH, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database };
  return run('bash', ['-euo', 'pipefail', '-c', script], { env, cwd: setting.folder, maxBuffer: 1 << 26 });
};

const BACKUPS: Record<string, (setting: Setting) => Promise<void>> = {
  ours: async (setting) => {
    await makeBackup({
      stack: 'local',
      target: setting.target,
      directory: setting.folder,
      layout: 'directory',
      compress: true,
      generation: 'daily',
      reason: 'benchmark',
      by: 'benchmark',
      version: '0',
      pathVariable: PATH,
      jobs: JOBS,
    });
  },
  'ours, the dump alone, with checksums of its files': async ({ target, programs, folder }) => {
    const zstd = zstdProgram(PATH);
    await withClient(target, async (client) => {
      const { name } = await beginSnapshot(client);
      await dumpDirectory({
        programs,
        target,
        pathVariable: PATH,
        snapshot: name,
        folder,
        jobs: JOBS,
        compression: zstd === undefined ? { method: 'gzip' } : { method: 'zstd', program: zstd },
      });
    });
    syncFolder(folder);
  },
  'pg_dump | gzip': async (setting) => {
    await shell(setting, `"${setting.programs.pgDump}" | gzip > dump.sql.gz`);
  },
  'pg_dump -Fd -j, then zstd of each file': async (setting) => {
    const { pgDump, major } = setting.programs;
    if (major >= 16) await shell(setting, `"${pgDump}" -Fd -j ${JOBS} --compress=zstd:1 -f dump`);
    else
      await shell(
        setting,
        `"${pgDump}" -Fd -j ${JOBS} -Z 0 -f dump; ls dump/*.dat | grep -v toc.dat | xargs -P ${JOBS} -n 1 zstd -q -1 --rm`,
      );
  },
  'pg_dump -Fd -j, gzip': async (setting) => {
    await shell(setting, `"${setting.programs.pgDump}" -Fd -j ${JOBS} -Z 1 -f dump`);
  },
};

async function main(megabytes: number, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'coach-benchmark-backup-'));
  try {
    await withBenchmarkServer(async (server) => {
      const admin = await server.connect();
      const programs = findDumpPrograms(Number.parseInt(server.version, 10), PATH);
      await admin.query('CREATE DATABASE coach');
      const client = await server.connect({ database: 'coach' });
      await fill(client, megabytes / 100);
      await client.end();
      print(
        `PostgreSQL ${server.version}, Node ${process.versions.node}; about ${megabytes} MB as COPY writes them, ${rounds} rounds`,
      );
      const target = { ...server.address, database: 'coach' };
      const measures = new Map<string, Measure[]>(Object.keys(BACKUPS).map((name) => [name, []]));
      for (let round = 0; round < rounds; round += 1) {
        const order = round % 2 === 0 ? [...measures.keys()] : [...measures.keys()].reverse();
        for (const name of order) {
          const own = join(folder, 'one');
          mkdirSync(own);
          await admin.query('CHECKPOINT');
          const seconds = await timed(async () => BACKUPS[name]?.({ server, target, programs, folder: own }));
          measures.get(name)?.push({ seconds, bytes: sizeOf(own) });
          rmSync(own, { recursive: true });
        }
      }
      for (const [name, all] of measures)
        print(
          `${name}: ${spread(all.map(({ seconds }) => seconds))}, ${(median(all.map(({ bytes }) => bytes)) / 1e6).toFixed(1)} MB`,
        );
      compare(measures, 'ours', 'pg_dump | gzip', 1 / 4, 1.05);
      compare(
        measures,
        'ours, the dump alone, with checksums of its files',
        'pg_dump -Fd -j, then zstd of each file',
        1.15,
      );
      await sums(target);
      await restores({ server, target, programs, folder }, rounds);
      print(
        `memory of this process: at most ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB; goal: below 200`,
      );
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The tables' checksums, one after the other in one session: what a backup computes beside the dump. */
async function sums(target: ConnectionTarget): Promise<void> {
  const seconds = await withClient(target, (client) =>
    timed(async () => {
      for (const name of ['User', 'Lesson', 'Event']) await tableChecksum(client, 'public', name);
    }),
  );
  print(`sums of all tables, alone: ${seconds.toFixed(2)} s`);
}

async function restores(setting: Setting, rounds: number): Promise<void> {
  const { server, folder, programs } = setting;
  const ours = join(folder, 'ours');
  const plain = join(folder, 'plain');
  for (const one of [ours, plain]) mkdirSync(one);
  await BACKUPS['ours']?.({ ...setting, folder: ours });
  await BACKUPS['pg_dump | gzip']?.({ ...setting, folder: plain });
  const [id = ''] = readdirSync(ours);
  const admin = await server.connect();
  const all: Record<'ours' | 'plain', Measure[]> = { ours: [], plain: [] };
  const names = ['ours', 'plain'] as const;
  for (let round = 0; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      await admin.query('CHECKPOINT');
      const seconds = await timed(async () => {
        if (name === 'ours') {
          await restoreDatabase({
            admin: { ...setting.target, database: 'postgres' },
            live: 'restored',
            folder: join(ours, id),
            manifest: readManifest(join(ours, id)),
            stage: join(folder, 'stage'),
            pathVariable: PATH,
            jobs: JOBS,
          });
        } else {
          await admin.query('CREATE DATABASE restored TEMPLATE template0');
          const target = { ...setting.target, database: 'restored' };
          await shell(
            { ...setting, target, folder: plain },
            `gunzip -c dump.sql.gz | "${programs.psql}" -q -o /dev/null -v ON_ERROR_STOP=1`,
          );
        }
      });
      all[name].push({ seconds, bytes: 0 });
      await admin.query('DROP DATABASE restored WITH (FORCE)');
    }
  }
  print(`restore, ours, compared with the manifest: ${spread(all.ours.map(({ seconds }) => seconds))}`);
  print(`restore, gunzip | psql: ${spread(all.plain.map(({ seconds }) => seconds))}`);
  compare(
    new Map([
      ['restore, ours', all.ours],
      ['gunzip | psql', all.plain],
    ]),
    'restore, ours',
    'gunzip | psql',
    1 / 1.5,
  );
}

function compare(
  measures: ReadonlyMap<string, readonly Measure[]>,
  ours: string,
  other: string,
  most: number,
  size?: number,
): void {
  const [mine = [], theirs = []] = [measures.get(ours), measures.get(other)];
  const ratioOf = (of: (measure: Measure) => number): number =>
    median(mine.map((one, round) => of(one) / of(theirs[round] ?? { seconds: NaN, bytes: NaN })));
  const line = (what: string, ratio: number, goal: number): void =>
    print(
      `${ours}: ${ratio.toFixed(2)} of the ${what} of ${other}; goal: at most ${goal.toFixed(2)}${ratio > goal ? ', missed' : ''}`,
    );
  line(
    'time',
    ratioOf(({ seconds }) => seconds),
    most,
  );
  if (size !== undefined)
    line(
      'size',
      ratioOf(({ bytes }) => bytes),
      size,
    );
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

async function fromArguments(): Promise<void> {
  const { values } = parseArgs({
    options: {
      megabytes: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return print(HELP);
  await main(count('megabytes', values.megabytes), count('rounds', values.rounds));
}

fromArguments().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
