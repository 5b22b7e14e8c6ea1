import { readFileSync, rmSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asAdmin, stateOf } from '../faults/support';
import { TestProject } from '../support/project';
import { missingPulumi } from '../support/pulumi';
import { listening, type Typed, typed, typedThroughNpm } from './typed';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: Pulumi as its users type it (${reason})\n`);

let project: TestProject;
let settings: string;
beforeAll(() => {
  project = new TestProject();
  settings = project.path('Pulumi.local.yaml');
});
afterAll(() => project.remove());

const wrapped = (...args: string[]): Promise<Typed> => typedThroughNpm(project, ...args);
const plain = (...args: string[]): Promise<Typed> => typed(project, ...args);

/** What a destroy would take away, as the database has it. */
async function objects(): Promise<unknown> {
  return asAdmin(project, async (client) => {
    const { rows } = await client.query(
      `SELECT (SELECT array_agg(extname ORDER BY extname) FROM pg_extension) AS extensions,
              (SELECT array_agg(relname ORDER BY relname) FROM pg_class WHERE relname LIKE 'idx%') AS indexes,
              (SELECT relacl::text FROM pg_class WHERE oid = '"User"'::regclass) AS rights,
              (SELECT count(*) FROM pg_trigger WHERE tgname LIKE '00\\_audit\\_%') AS recorders`,
    );
    return rows[0] as unknown;
  });
}

describe.skipIf(reason !== undefined)('Pulumi as its users type it', { timeout: 900_000 }, () => {
  it('through npm reads the committed settings, keeps them clean and takes another port for one taken since', async () => {
    const taken = project.port;
    const stranger = await listening(taken);
    project.set(
      'extensions',
      ['uuid-ossp', 'pg_trgm', 'btree_gin', 'pg_stat_statements', 'citext'].map((name) => ({ name })),
    );
    const committed = readFileSync(settings, 'utf8');
    try {
      let up = await wrapped('up', '--yes', '--skip-preview');
      // Other tests' servers look for a free port at the same time.
      while (/Port \d+ on 127\.0\.0\.1 is taken/.test(up.text)) up = await wrapped('up', '--yes', '--skip-preview');
      expect(up.code, up.text).toBe(0);
    } finally {
      stranger.leave();
    }
    expect(project.port).not.toBe(taken);
    expect(JSON.stringify(await objects())).toContain('citext');
    expect(readFileSync(settings, 'utf8')).toBe(committed);
    const again = await wrapped('preview', '--expect-no-changes');
    expect(again.code, again.text).toBe(0);
  });

  it('through npm sets a value in the committed settings, which the next run has', async () => {
    const set = await wrapped('config', 'set', '--path', 'coach:extensions[5].name', 'hstore');
    expect(set.code, set.text).toBe(0);
    expect(readFileSync(settings, 'utf8')).toContain('hstore');
    expect(readFileSync(settings, 'utf8')).not.toContain('encryptionsalt');
    const up = await wrapped('up', '--yes', '--skip-preview');
    expect(up.code, up.text).toBe(0);
    expect(JSON.stringify(await objects())).toContain('hstore');
  });

  it('alone is right; the salt it writes into the settings goes with the next command', async () => {
    const committed = readFileSync(settings, 'utf8');
    const preview = await plain('preview', '--expect-no-changes');
    expect(preview.code, preview.text).toBe(0);
    expect((await project.run(['refresh', '--yes', '--engine', 'embedded'])).code).toBe(0);
    expect(readFileSync(settings, 'utf8')).toBe(committed);
  });

  it('given an old or missing copy of the settings is refused', async () => {
    const copy = project.path('old.yaml');
    writeFileSync(copy, readFileSync(settings, 'utf8').replace('hstore', 'ltree'));
    const old = await plain('preview', '--config-file', copy);
    expect(old.code).not.toBe(0);
    expect(old.text).toMatch(
      /other settings than .*Pulumi\.local\.yaml holds: coach:extensions\..*npm run pulumi -- up/s,
    );
    rmSync(copy);
    const missing = await plain('up', '--yes', '--skip-preview', '--config-file', copy);
    expect(missing.code).not.toBe(0);
    expect(missing.text).toMatch(/other settings than/);
    expect(JSON.stringify(await objects())).toContain('hstore');
  });

  it('refuses to destroy what is protected before anything is gone', async () => {
    const before = await objects();
    const resources = (await stateOf(project)).length;
    for (const destroyed of [
      await plain('destroy', '--yes', '--skip-preview'),
      await wrapped('destroy', '--yes', '--skip-preview'),
    ]) {
      expect(destroyed.code).not.toBe(0);
      expect(destroyed.text).toMatch(/audit-trail.*cannot be deleted|protected/s);
      expect(await objects()).toEqual(before);
      expect((await stateOf(project)).length).toBe(resources);
    }
    const after = await wrapped('preview', '--expect-no-changes');
    expect(after.code, after.text).toBe(0);
  });
});
