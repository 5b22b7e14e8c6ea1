import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { renderHtml } from '../../../scripts/report/html';
import { renderMarkdown } from '../../../scripts/report/markdown';
import { REPORTS_KEPT, writeReport } from '../../../scripts/report/write';
import { SAMPLE } from './sample';

let folder: string;
let stackFolder: string;
let reports: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coach-reports-'));
  chmodSync(folder, 0o755);
  stackFolder = join(folder, 'local');
  reports = join(stackFolder, 'reports');
});
afterEach(() => rmSync(folder, { recursive: true }));

const FIELDS = { tables: [{ name: 'Student', rows: 400_000, seconds: 1.42 }] };
const NAME = 'transfer-2026-11-26T08-26-46-123Z';
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const nameAt = (minute: number): string => `transfer-2026-11-25T08-${String(minute).padStart(2, '0')}-00-000Z`;

describe('a written report', () => {
  it('is three whole files for their owner alone, and says where', () => {
    const { files, notice } = writeReport(stackFolder, 'transfer', SAMPLE, FIELDS);
    const [json = '', markdown = '', html = ''] = files;
    expect(files).toEqual(['json', 'md', 'html'].map((form) => join(reports, `${NAME}.${form}`)));
    expect(notice).toBe(`Report: ${html} (beside it .md and .json)`);
    expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual({
      command: 'transfer',
      stack: 'local',
      status: 'differs',
      startedAt: '2026-11-26T08:26:46.123Z',
      durationMs: 9240,
      problems: SAMPLE.problems,
      ...FIELDS,
    });
    expect(readFileSync(markdown, 'utf8')).toBe(renderMarkdown(SAMPLE));
    expect(readFileSync(html, 'utf8')).toBe(renderHtml(SAMPLE));
    expect([modeOf(reports), ...files.map(modeOf)]).toEqual([0o700, 0o600, 0o600, 0o600]);
    expect(readdirSync(reports)).toHaveLength(3);
  });

  it('closes a folder that others could read', () => {
    mkdirSync(reports, { recursive: true });
    chmodSync(reports, 0o755);
    writeReport(stackFolder, 'transfer', SAMPLE, FIELDS);
    expect(modeOf(reports)).toBe(0o700);
  });

  it('names the stack in the commands of its remedies', () => {
    const { files } = writeReport(stackFolder, 'transfer', { ...SAMPLE, stack: 'dev' }, FIELDS);
    for (const file of files)
      expect(readFileSync(file, 'utf8')).toContain('npm run coachdb -- transfer --from app.db --stack dev');
  });

  it('replaces the oldest of its command, with what bears their names, and nothing else', () => {
    mkdirSync(reports, { recursive: true });
    const others = [
      'notes.txt',
      'transfer-2026.html',
      'transfer-verify-2026-11-01T00-00-00-000Z.html',
      'backup-2026-11-01T00-00-00-000Z.md',
    ];
    for (const name of others) writeFileSync(join(reports, name), '');
    const earlier = Array.from({ length: REPORTS_KEPT + 2 }, (_, minute) => nameAt(minute));
    for (const name of earlier)
      for (const form of ['json', 'md', 'html']) writeFileSync(join(reports, `${name}.${form}`), '');
    for (const name of [nameAt(0), nameAt(20)]) writeFileSync(join(reports, `${name}.rejects.jsonl`), '');
    writeReport(stackFolder, 'transfer', SAMPLE, FIELDS);
    const runs = new Set(
      readdirSync(reports)
        .filter((name) => !others.includes(name))
        .map((name) => name.replace(/\..*$/, '')),
    );
    expect([...runs].sort()).toEqual([...earlier.slice(3), NAME]);
    expect(readdirSync(reports)).toHaveLength(others.length + 3 * REPORTS_KEPT + 1);
    expect(readdirSync(reports)).toContain(`${nameAt(20)}.rejects.jsonl`);
    expect(readdirSync(reports)).toEqual(expect.arrayContaining(others));
  });

  it('stays when the clock went back', () => {
    for (let minute = 0; minute < REPORTS_KEPT; minute++) {
      mkdirSync(reports, { recursive: true });
      writeFileSync(join(reports, `${nameAt(minute)}.json`), '');
    }
    const { files } = writeReport(stackFolder, 'transfer', { ...SAMPLE, startedAt: new Date(0) }, FIELDS);
    expect(readdirSync(reports)).toEqual(expect.arrayContaining(files.map((file) => file.slice(reports.length + 1))));
    expect(readdirSync(reports)).not.toContain(`${nameAt(0)}.json`);
  });
});

describe('a report that cannot be written is a warning', () => {
  it('where the folder may not be written', () => {
    mkdirSync(stackFolder);
    chmodSync(stackFolder, 0o555);
    const isRoot = process.getuid?.() === 0;
    try {
      if (isRoot) process.seteuid?.(65534);
      expect(writeReport(stackFolder, 'transfer', SAMPLE, FIELDS)).toEqual({
        files: [],
        notice: `warning: no report was written to ${reports}: permission denied`,
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
    expect(readdirSync(stackFolder)).toEqual([]);
  });

  it('where one of the three fails; the others go', () => {
    mkdirSync(join(reports, `${NAME}.html`), { recursive: true });
    const { files, notice } = writeReport(stackFolder, 'transfer', SAMPLE, FIELDS);
    expect(files).toEqual([]);
    expect(notice).toBe(`warning: no report was written to ${reports}: illegal operation on a directory`);
    expect(readdirSync(reports)).toEqual([`${NAME}.html`]);
  });

  it('where the folder is a link: nothing is changed behind it', () => {
    const elsewhere = join(folder, 'elsewhere');
    mkdirSync(elsewhere);
    chmodSync(elsewhere, 0o755);
    mkdirSync(stackFolder);
    symlinkSync(elsewhere, reports);
    expect(writeReport(stackFolder, 'transfer', SAMPLE, FIELDS).notice).toBe(
      `warning: no report was written to ${reports}: ${reports} is not a folder.`,
    );
    expect([modeOf(elsewhere), readdirSync(elsewhere)]).toEqual([0o755, []]);
  });

  it('where older ones cannot be removed; the new one is there', () => {
    mkdirSync(join(reports, `${nameAt(0)}.json`), { recursive: true });
    for (let minute = 1; minute < REPORTS_KEPT; minute++) writeFileSync(join(reports, `${nameAt(minute)}.json`), '');
    const { files, notice } = writeReport(stackFolder, 'transfer', SAMPLE, FIELDS);
    expect(files).toHaveLength(3);
    expect(notice.split('\n')).toEqual([
      `Report: ${files[2]} (beside it .md and .json)`,
      expect.stringContaining(`warning: older reports in ${reports} could not be removed: `),
    ]);
  });
});
