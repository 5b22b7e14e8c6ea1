import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import type { DatabaseSpec } from '../../../postgres/spec';
import { type RdsServer, startRds } from '../../support/rdsMaster';
import { failureOf } from '../roles/support';
import { catalogOf } from './catalog';
import { applyTo, changed, loginsOf, query, specOf } from './support';

/** A migrations folder of its own: names and scripts. */
function withMigrations(spec: DatabaseSpec, scripts: Record<string, string>): DatabaseSpec {
  const directory = mkdtempSync(join(tmpdir(), 'coach-apply-'));
  writeFileSync(join(directory, 'migration_lock.toml'), 'provider = "postgresql"\n');
  for (const [name, sql] of Object.entries(scripts)) {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, 'migration.sql'), sql);
  }
  return { ...spec, migrations: { ...spec.migrations, directory } };
}

const named = (name: string): DatabaseSpec => ({ ...specOf(), name });

describe('a run that does not come to its end', () => {
  let server: RdsServer;
  beforeAll(async () => {
    server = await startRds(inject('cluster').binaries);
  });
  afterAll(() => server.stop());

  /** Ends every session but the superuser's. */
  const cut = async (): Promise<void> => {
    await query(
      server,
      'postgres',
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename <> 'postgres'`,
    );
  };
  const catalog = async (database: string): Promise<string[]> => {
    const client = new Client({ ...server.admin, database });
    await client.connect();
    try {
      return await catalogOf(client, ['postgres', server.master]);
    } finally {
      await client.end();
    }
  };

  it('is completed by the next, wherever its connection was cut', async () => {
    const spec = named('cut_off');
    const seen = new Set<string>();
    let cuts = 0;
    // Each run is cut at the first place where none was cut before.
    for (let whole = false; !whole;) {
      let cutting: Promise<void> | undefined;
      const run = applyTo(server, spec, {
        waitMs: 10_000,
        onProgress: (text) => {
          const place = text.replaceAll(/\d+(?= s|\b %)/g, '');
          if (cutting !== undefined || seen.has(place)) return;
          seen.add(place);
          cutting = cut();
        },
      });
      const failed = await run.then(
        () => false,
        () => true,
      );
      await cutting;
      if (failed) cuts += 1;
      whole = cutting === undefined;
    }
    expect(cuts).toBeGreaterThan(15);
    expect(changed(await applyTo(server, spec))).toEqual([]);

    const other = named('in_one_go');
    await applyTo(server, other);
    const known = (await catalog(other.name)).map((line) => line.replaceAll(other.name, spec.name));
    expect(await catalog(spec.name)).toEqual(known);
    // Some thirty runs.
  }, 300_000);

  it('goes on with the first migrations of a database where `initial` began them, and with no later one', async () => {
    const scripts: Record<string, string> = Object.fromEntries(
      [1, 2, 3].map((number) => [`2025010${number}_step`, `CREATE TABLE step_${number} (id int PRIMARY KEY);`]),
    );
    const base = specOf({ audit: { tables: [] }, migrations: { apply: 'initial' } });
    const spec = withMigrations({ ...base, name: 'first_ones', indexes: [] }, scripts);
    let cutting: Promise<void> | undefined;
    const failure = await failureOf(
      applyTo(server, spec, {
        onProgress: (text) => {
          if (text.startsWith('migration 2 of 3')) cutting ??= cut();
        },
      }),
    );
    await cutting;
    expect(failure.message).toMatch(/connection|terminat/i);
    const report = await applyTo(server, spec);
    expect(report.migrations).toEqual({ applied: Object.keys(scripts), pending: [] });

    const later = withMigrations(spec, { ...scripts, '20250104_step': 'CREATE TABLE step_4 ();' });
    expect((await applyTo(server, later)).migrations.pending).toEqual(['20250104_step']);
  });

  it('leaves a migration’s failure in its own words', async () => {
    const scripts = { '20250101_step': 'SELECT pg_read_file($$/etc/passwd$$);' };
    const base = specOf({ audit: { tables: [] } });
    const failure = await failureOf(
      applyTo(server, withMigrations({ ...base, name: 'failing', indexes: [] }, scripts)),
    );
    expect([failure.code, failure.object]).toEqual(['migration-failed', expect.stringContaining('20250101_step')]);
  });

  it('says that time was up, and the next goes on', async () => {
    const spec = { ...named('in_time'), indexes: [] };
    const late = await failureOf(applyTo(server, spec, { deadline: Date.now() }));
    expect([late.code, late.object]).toEqual(['time-limit', 'database in_time']);
    expect(late.remedy).toContain('the next run goes on from there');
    expect(await query(server, 'postgres', `SELECT FROM pg_database WHERE datname = 'in_time'`)).toEqual([]);
    await applyTo(server, spec);
  });

  it('stops what does not fit: nothing of it is left', async () => {
    const spec = { ...named('in_time'), indexes: [] };
    const holder = new Client({ ...server.admin, database: spec.name });
    await holder.connect();
    // What the trail needs, and gives up waiting for only after 30 seconds.
    await query(server, spec.name, 'DROP EVENT TRIGGER audit_guard_drop; DROP TRIGGER "00_audit_update" ON "User"');
    await holder.query('BEGIN; LOCK TABLE "User" IN ROW EXCLUSIVE MODE');
    const run = failureOf(applyTo(server, spec, { deadline: Date.now() + 20_000 }));
    const failure = await run.finally(() => holder.end());
    expect([failure.code, failure.object]).toEqual(['time-limit', 'audit trail']);
    const triggers = await query(server, spec.name, `SELECT FROM pg_event_trigger WHERE evtname = 'audit_guard_drop'`);
    expect(triggers).toEqual([]);
    expect(changed(await applyTo(server, spec))).toEqual(['audit trail']);
  });

  it('begins nothing further once it was interrupted', async () => {
    const spec = { ...named('interrupted'), indexes: [] };
    const controller = new AbortController();
    const onProgress = (text: string): void => {
      if (text.startsWith('schemas')) controller.abort();
    };
    const failure = await failureOf(applyTo(server, spec, { signal: controller.signal, onProgress }));
    expect([failure.code, failure.kind]).toEqual(['interrupted', 'interrupted']);
    expect(failure.message).toContain('extension uuid-ossp');
  });

  it('is not disturbed by another at the same time', async () => {
    const spec = { ...named('both'), indexes: [] };
    const [one, other] = await Promise.all([applyTo(server, spec), applyTo(server, spec)]);
    expect([...changed(one), ...changed(other)].filter((step) => step.startsWith('role'))).toEqual([]);
    expect([changed(one).includes('audit trail'), changed(other).includes('audit trail')].sort()).toEqual([
      false,
      true,
    ]);
  });

  it('is named to whoever does not wait for it', async () => {
    const spec = named('both');
    const client = new Client(loginsOf(server, spec)('master'));
    await client.connect();
    await client.query(
      `INSERT INTO coachdb.run_lock SELECT 'apply', pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()`,
    );
    const failure = await failureOf(applyTo(server, spec, { waitMs: 0 }));
    await client.end();
    expect([failure.code, failure.kind]).toEqual(['lock-held', 'locked']);
  });
});
