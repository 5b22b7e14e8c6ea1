import { readFileSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { asAdmin, changesOf, checkpointOf } from '../faults/support';
import { deployedProject } from '../support/deployed';
import type { TestProject } from '../support/project';
import { missingPulumi } from '../support/pulumi';
import { listening, typed, typedThroughNpm } from './typed';

const reason = missingPulumi();
if (reason !== undefined) process.stderr.write(`skipped: whose server Pulumi asks (${reason})\n`);

const READING = [
  ['refresh', '--yes', '--skip-preview'],
  ['--stack', 'local', 'refresh', '--preview-only'],
  ['preview', '--refresh'],
  ['up', '-r', '--yes', '--skip-preview'],
];
const DESTROY = ['destroy', '--yes', '--skip-preview'];

let project: TestProject;

describe.skipIf(reason !== undefined)(
  'Pulumi through npm asks this stack’s own server alone',
  { timeout: 600_000 },
  () => {
    beforeAll(async () => {
      project = await deployedProject();
    }, 120_000);
    afterAll(() => project.remove());

    it('and starts it to read from it', async () => {
      expect((await project.run(['stop', '--yes'])).code).toBe(0);
      const refresh = await typedThroughNpm(project, 'refresh', '--yes', '--skip-preview');
      expect(refresh.code, refresh.text).toBe(0);
      expect(refresh.text).toContain('The server was stopped; starting it.');
    });

    it('never a stranger on its port', async () => {
      // A number is kept to, where `auto` would give it up.
      project.set('server', { port: project.port, binaries: 'auto' });
      expect((await project.run(['stop', '--yes'])).code).toBe(0);
      const stranger = await listening(project.port);
      const before = readFileSync(checkpointOf(project), 'utf8');
      try {
        for (const args of [...READING, DESTROY]) {
          const run = await typedThroughNpm(project, ...args);
          expect(run.code, args.join(' ')).not.toBe(0);
          expect(run.text, args.join(' ')).toMatch(/is taken by process|whatever may answer on .* is another one/);
          expect(stranger.heard(), args.join(' ')).toBe(0);
        }
      } finally {
        stranger.leave();
      }
      expect(readFileSync(checkpointOf(project), 'utf8')).toBe(before);
      project.set('server', undefined);
      await changesOf(project, 'up');
    });

    it('nor another server in its data directory, which Pulumi alone does not stop either', async () => {
      const before = readFileSync(checkpointOf(project), 'utf8');
      const exchanged = before.replaceAll(/"identity":( ?)"\d+"/g, '"identity":$1"7000000000000000000"');
      expect(exchanged).not.toBe(before);
      writeFileSync(checkpointOf(project), exchanged);
      for (const args of [...READING, DESTROY]) {
        const run = await typedThroughNpm(project, ...args);
        expect(run.code, args.join(' ')).not.toBe(0);
        expect(run.text, args.join(' ')).toMatch(/holds another server than the stack’s state knows/);
      }
      expect((await typed(project, 'state', 'unprotect', '--all', '--yes')).code).toBe(0);
      const destroyed = await typed(project, ...DESTROY);
      expect(destroyed.code).not.toBe(0);
      expect(destroyed.text).toMatch(/holds another server than the stack’s state knows/);
      writeFileSync(checkpointOf(project), before);
      const { rows } = await asAdmin(project, (client) =>
        client.query<{ tables: string }>('SELECT count(*) AS tables FROM pg_class'),
      );
      expect(Number(rows[0]?.tables)).toBeGreaterThan(0);
      expect([...(await changesOf(project, 'up')).keys()]).toEqual([]);
    });
  },
);
