import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { writeReport } from '../../scripts/report/write';
import { SAMPLE } from '../scripts/report/sample';
import { isRoot } from './support';

let stackFolder: string;
let mounted = false;
beforeAll(() => {
  stackFolder = mkdtempSync(join(tmpdir(), 'coach-reports-'));
  if (!isRoot) return;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', stackFolder], { stdio: 'ignore' });
    mounted = true;
  } catch {
    // A container without the right to mount.
  }
});
afterAll(() => {
  if (mounted) execFileSync('umount', [stackFolder]);
  rmSync(stackFolder, { recursive: true });
});

it('a report for which there is no room is a warning, and leaves nothing behind', (context) => {
  if (!mounted) return context.skip('needs root and the right to mount a small tmpfs');
  const reports = join(stackFolder, 'reports');
  mkdirSync(reports);
  const { bavail, bsize } = statfsSync(stackFolder);
  // Room for the JSON and the Markdown, none for the page.
  writeFileSync(join(stackFolder, 'filler'), Buffer.alloc((bavail - 3) * bsize));
  expect(writeReport(stackFolder, 'transfer', SAMPLE, {})).toEqual({
    files: [],
    notice: `warning: no report was written to ${reports}: no space left on device`,
  });
  expect(readdirSync(reports)).toEqual([]);
  rmSync(join(stackFolder, 'filler'));
  expect(writeReport(stackFolder, 'transfer', SAMPLE, {}).files).toHaveLength(3);
});
