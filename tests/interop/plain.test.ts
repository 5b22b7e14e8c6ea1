import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asAdmin, stateOf } from '../faults/support';
import { TestProject } from '../support/project';
import { missingPulumi, PULUMI, PULUMI_ENVIRONMENT } from '../support/pulumi';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: Pulumi as its users type it (${reason})\n`);

let project: TestProject;
let settings: string;
beforeAll(() => {
  project = new TestProject();
  settings = project.path('Pulumi.local.yaml');
});
afterAll(() => project.remove());

interface Typed {
  code: number;
  text: string;
}

/** `npm run pulumi -- ARGUMENTS`. */
async function wrapped(...args: string[]): Promise<Typed> {
  const { code, stdout, stderr } = await project.run(['pulumi', ...args, '--non-interactive'], PULUMI_ENVIRONMENT);
  return { code: code ?? -1, text: `${stdout}${stderr}` };
}

/** `pulumi ARGUMENTS` in the project's folder. */
function plain(...args: string[]): Promise<Typed> {
  const env = {
    ...process.env,
    ...PULUMI_ENVIRONMENT,
    PATH: `${dirname(PULUMI ?? '')}:${process.env['PATH'] ?? ''}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: project.path('.coachdb', 'passphrase'),
  };
  return new Promise((resolve) => {
    execFile(PULUMI ?? '', [...args, '--non-interactive'], { cwd: project.root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), text: `${stdout}${stderr}` });
    });
  });
}

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
      const up = await wrapped('up', '--yes', '--skip-preview');
      expect(up.code, up.text).toBe(0);
    } finally {
      stranger.close();
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
    const preview = await plain('preview', '--stack', 'local', '--expect-no-changes');
    expect(preview.code, preview.text).toBe(0);
    expect((await project.run(['refresh', '--yes', '--engine', 'embedded'])).code).toBe(0);
    expect(readFileSync(settings, 'utf8')).toBe(committed);
  });

  it('given an old or missing copy of the settings is refused', async () => {
    const copy = project.path('old.yaml');
    writeFileSync(copy, readFileSync(settings, 'utf8').replace('hstore', 'earthdistance'));
    const old = await plain('preview', '--stack', 'local', '--config-file', copy);
    expect(old.code).not.toBe(0);
    expect(old.text).toMatch(
      /other settings than .*Pulumi\.local\.yaml holds: coach:extensions\..*npm run pulumi -- up/s,
    );
    rmSync(copy);
    const missing = await plain('up', '--yes', '--skip-preview', '--stack', 'local', '--config-file', copy);
    expect(missing.code).not.toBe(0);
    expect(missing.text).toMatch(/other settings than/);
    expect(JSON.stringify(await objects())).toContain('hstore');
  });

  it('refuses to destroy what is protected before anything is gone', async () => {
    const before = await objects();
    const resources = (await stateOf(project)).length;
    for (const destroyed of [
      await plain('destroy', '--yes', '--skip-preview', '--stack', 'local'),
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

function listening(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
