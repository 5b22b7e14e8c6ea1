import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import type { BackupRequest } from '../../../postgres/backup/make';
import { openClient, withClient } from '../../../postgres/connection/client';
import { toProblem } from '../../../system/errors';
import { startCluster, type TestCluster } from '../../support/cluster';
import { eventually } from '../../support/eventually';
import {
  type BackupFolders,
  backupFolders,
  DUMP_BINARIES,
  takeBackup,
  targetOf,
  WITHOUT_DUMP,
  WITHOUT_ZSTD,
  ZSTD,
} from './support';

const LIVE = 'bk_unfit';
const ROLE = 'bk_unfit_dump';
const path = process.env['PATH'] ?? '';

let cluster: TestCluster;
let folders: BackupFolders;
let admin: Client;

beforeAll(async () => {
  if (DUMP_BINARIES === undefined) return;
  cluster = await startCluster(DUMP_BINARIES);
  folders = backupFolders();
  await withClient(targetOf(cluster, 'postgres'), (client) => client.query(`CREATE DATABASE ${LIVE}`));
  admin = await openClient(targetOf(cluster, LIVE));
  await admin.query(
    `CREATE ROLE ${ROLE} LOGIN PASSWORD 'test' IN ROLE pg_read_all_data; CREATE TABLE public.big (id int, t text); CREATE TABLE public.secret (id int);
     INSERT INTO public.big SELECT n, md5(n::text) FROM generate_series(1, 200000) AS n; INSERT INTO public.secret VALUES (1), (2)`,
  );
}, 60_000);
afterAll(async () => {
  await admin?.end().catch(() => undefined);
  folders?.remove();
  await cluster?.stop();
});
/** Nothing is left of a backup that failed, not even for the next run to sweep. */
afterEach(() => {
  if (folders !== undefined) expect(readdirSync(folders.directory)).toEqual([]);
});

/** A folder of client programs in which one is a script; `REAL` is the real one. */
function programsWith(name: string, script: string, real: string): string {
  const folder = mkdtempSync(join(folders.directory, '..', 'programs-'));
  for (const one of readdirSync(DUMP_BINARIES ?? ''))
    if (one !== name) symlinkSync(join(DUMP_BINARIES ?? '', one), join(folder, one));
  const version = name === 'zstd' ? '' : `[ "$1" = --version ] && exec "$REAL" --version\n`;
  writeFileSync(join(folder, name), `#!/bin/sh\nREAL=${real}\n${version}${script}\n`);
  chmodSync(join(folder, name), 0o755);
  return folder;
}
const withDump = (script: string): string => programsWith('pg_dump', script, join(DUMP_BINARIES ?? '', 'pg_dump'));

/** The problem that the command shows. */
async function failure(more: Partial<BackupRequest>, user = ROLE): Promise<ReturnType<typeof toProblem>> {
  try {
    await takeBackup(targetOf(cluster, LIVE, user), folders.directory, more.pathVariable ?? path, more);
  } catch (error) {
    const problem = toProblem(error);
    expect(problem.remedy).not.toBe('');
    return problem;
  }
  throw new Error('A backup was made.');
}

describe.skipIf(WITHOUT_DUMP !== undefined)(
  `no backup (${WITHOUT_DUMP ?? 'pg_dump is here'})`,
  { timeout: 60_000 },
  () => {
    it.each([
      ['row security without a policy', ''],
      ['a policy for some rows', `CREATE POLICY p_some ON public.secret USING (id > 1)`],
      ['a policy for others', `CREATE POLICY p_others ON public.secret TO postgres USING (true)`],
      [
        'a restrictive policy',
        `CREATE POLICY p_every ON public.secret USING (true); CREATE POLICY p_less ON public.secret AS RESTRICTIVE USING (id > 1)`,
      ],
      ['a policy for other commands', `CREATE POLICY p_writing ON public.secret FOR UPDATE USING (true)`],
    ])('of rows that are hidden by %s', async (_how, policy) => {
      await admin.query(`ALTER TABLE public.secret ENABLE ROW LEVEL SECURITY; ${policy}`);
      try {
        const problem = await failure({});
        expect(problem).toMatchObject({ code: 'rows-hidden', object: 'public.secret' });
        expect(problem.message).toContain(ROLE);
        expect(problem.remedy).toContain('CREATE POLICY');
      } finally {
        await admin.query(
          `ALTER TABLE public.secret DISABLE ROW LEVEL SECURITY; DROP POLICY IF EXISTS p_some ON public.secret; DROP POLICY IF EXISTS p_others ON public.secret;
         DROP POLICY IF EXISTS p_every ON public.secret; DROP POLICY IF EXISTS p_less ON public.secret; DROP POLICY IF EXISTS p_writing ON public.secret`,
        );
      }
    });

    it('by a role that may not read the tables', async () => {
      await admin.query(`REVOKE pg_read_all_data FROM ${ROLE}`);
      const problem = await failure({});
      await admin.query(`GRANT pg_read_all_data TO ${ROLE}`);
      expect(problem).toMatchObject({ code: 'rows-hidden' });
      expect(problem.remedy).toContain('pg_read_all_data');
    });

    it('of a large object that the role may not read', async () => {
      await admin.query('SELECT lo_create(77)');
      const problem = await failure({});
      await admin.query('SELECT lo_unlink(77)');
      expect(problem).toMatchObject({ code: 'large-objects-hidden', object: '77' });
      expect(problem.remedy).toContain('GRANT SELECT ON LARGE OBJECT 77');
    });

    it.each([
      ['that fails', 'echo "pg_dump: error: odd thing" >&2; exit 1', 'dump-failed', /exit code 1.*odd thing/],
      ['that is killed', '"$REAL" "$@" 2>/dev/null & sleep 0.2; kill -9 $! ; kill -9 $$', 'dump-failed', /SIGKILL/],
      ['that cannot run', 'exec /nowhere/at/all', 'dump-failed', /exit code 12[67]/],
      [
        'that leaves rows of a table out',
        'exec "$REAL" "$@" --exclude-table-data=secret',
        'dump-incomplete',
        /public\.secret.*2 rows/,
      ],
      ['that leaves a table out', 'exec "$REAL" "$@" --exclude-table=secret', 'dump-incomplete', /public\.secret/],
    ])('by a pg_dump %s', async (_how, script, code, message) => {
      const problem = await failure({ binaries: withDump(script) });
      expect(problem).toMatchObject({ code });
      expect(problem.message).toMatch(message);
    });

    it.each(['directory', 'plain'] as const)('that was cut behind the back of pg_dump: %s', async (layout) => {
      const cut = `"$REAL" "$@" || exit; for f in "$@"; do case "$f" in --file=*) f=\${f#--file=}; [ -d "$f" ] && f=$(ls -S "$f"/*.dat* | head -1); truncate -s -20 "$f";; esac; done`;
      const problem = await failure({ binaries: withDump(cut), layout, compress: false });
      expect(problem).toMatchObject({ code: 'backup-not-good' });
      expect(problem.message).toMatch(/dump\/\d+\.dat|dump\.sql\.gz/);
    });

    it.skipIf(WITHOUT_ZSTD !== undefined).each([
      ['is killed', 'head -c 100000 | "$REAL" "$@"; kill -9 $$', 'compress-failed', /zstd.*SIGKILL/],
      ['fails', 'echo odd >&2; exit 3', 'compress-failed', /zstd.*3.*odd/s],
      [
        'ends early and says that all is well',
        'case "$*" in *-d*) exec "$REAL" "$@";; esac; head -c 100000 | "$REAL" "$@"; cat >/dev/null',
        'backup-not-good',
        /dat\.zst/,
      ],
    ])('by a zstd that %s', async (_how, script, code, message) => {
      const pathVariable = `${programsWith('zstd', script, ZSTD ?? '')}:${path}`;
      const problem = await failure({ pathVariable });
      expect(problem).toMatchObject({ code });
      expect(problem.message).toMatch(message);
    });

    it.for(['gzip', 'zstd', 'plain'])('on a disk that fills up meanwhile: %s', async (how, context) => {
      const disk = join(folders.directory, '..', `disk-${how}`);
      mkdirSync(disk);
      try {
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', disk], { stdio: 'ignore' });
      } catch {
        return context.skip('may not mount a small tmpfs');
      }
      try {
        const layout = how === 'plain' ? 'plain' : 'directory';
        const pathVariable = how === 'zstd' ? folders.withZstd : folders.withoutZstd;
        const problem = await failure({ directory: disk, layout, pathVariable });
        expect(problem).toMatchObject({ code: 'disk-full' });
        expect(problem.remedy).toMatch(/Free space/);
        expect(readdirSync(disk)).toEqual([]);
      } finally {
        execFileSync('umount', [disk]);
        rmSync(disk, { recursive: true });
      }
    });

    it('when it is interrupted, in any phase', async () => {
      for (const at of ['snapshot', 'dump', 'verify', 'sync']) {
        const abort = new AbortController();
        const reason = new Error('interrupted');
        const onPhase = (phase: string): void => {
          if (phase === at) abort.abort(reason);
        };
        const making = takeBackup(targetOf(cluster, LIVE, ROLE), folders.directory, path, {
          signal: abort.signal,
          onPhase,
        });
        await expect(making, at).rejects.toBe(reason);
      }
    });

    it('when the server is gone in the middle', async () => {
      const mark = join(folders.directory, '..', 'started');
      const binaries = withDump(`: > ${mark}; exec "$REAL" "$@"`);
      await admin.query('BEGIN; LOCK TABLE public.secret');
      const failed = failure({ binaries });
      await eventually('pg_dump waits for the table', () => Promise.resolve(existsSync(mark) ? true : undefined));
      await cluster.stop();
      const problem = await failed;
      expect(problem.code, problem.message).toMatch(/^(connection-lost|dump-failed|server-|connect-)/);
    });
  },
);
