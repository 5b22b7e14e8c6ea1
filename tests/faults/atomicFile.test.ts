import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createAtomically, writeAtomically } from '../../system/atomicFile';

/** What reached the file system, in order; a descriptor counts as the path it was opened with. */
const calls = vi.hoisted(() => [] as string[]);

vi.mock('node:fs', async (importOriginal) => {
  const real = await importOriginal<typeof fs>();
  const paths = new Map<number, string>();
  const pathOf = (descriptor: number): string => paths.get(descriptor) ?? String(descriptor);
  return {
    ...real,
    openSync: (path: string, flags: string, mode?: number) => {
      const descriptor = real.openSync(path, flags, mode);
      paths.set(descriptor, path);
      return descriptor;
    },
    writeSync: (descriptor: number, bytes: Buffer, offset: number) => {
      calls.push(`write ${pathOf(descriptor)}`);
      // One byte at a time: what a file system may do.
      return real.writeSync(descriptor, bytes, offset, 1);
    },
    fsyncSync: (descriptor: number) => {
      calls.push(`fsync ${pathOf(descriptor)}`);
      real.fsyncSync(descriptor);
    },
    renameSync: (from: string, to: string) => {
      calls.push(`rename ${from} ${to}`);
      real.renameSync(from, to);
    },
    linkSync: (from: string, to: string) => {
      calls.push(`link ${from} ${to}`);
      real.linkSync(from, to);
    },
  };
});

let folder: string;
let path: string;
let temporary: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'coach-atomic-'));
  path = join(folder, 'state.json');
  temporary = join(folder, `.state.json.${process.pid}.new`);
  calls.length = 0;
});
afterEach(() => fs.rmSync(folder, { recursive: true }));

const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;

describe('a file is replaced', () => {
  it('in the order that survives a power cut: content, its flush, its name, the flush of the folder', () => {
    writeAtomically(path, 'ab');
    expect(calls).toEqual([
      `write ${temporary}`,
      `write ${temporary}`,
      `fsync ${temporary}`,
      `rename ${temporary} ${path}`,
      `fsync ${folder}`,
    ]);
    expect(fs.readFileSync(path, 'utf8')).toBe('ab');
  });

  it('after the old one has its second name', () => {
    fs.writeFileSync(path, 'old');
    const backup = `${path}.bak`;
    writeAtomically(path, 'n', { backup });
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['write', 'fsync', 'link', 'rename', 'rename', 'fsync']);
    expect([fs.readFileSync(backup, 'utf8'), fs.readFileSync(path, 'utf8')]).toEqual(['old', 'n']);
  });

  it('for its owner alone, also where others could read the one before', () => {
    fs.writeFileSync(path, 'old', { mode: 0o644 });
    writeAtomically(path, 'n');
    expect(modeOf(path)).toBe(0o600);
    writeAtomically(path, 'n', { mode: 0o640 });
    expect(modeOf(path)).toBe(0o640);
  });
});

describe('a file is made', () => {
  it('whole and flushed before it has its name, for its owner alone', () => {
    expect(createAtomically(path, 'n')).toBe(true);
    expect(calls).toEqual([`write ${temporary}`, `fsync ${temporary}`, `link ${temporary} ${path}`, `fsync ${folder}`]);
    expect(modeOf(path)).toBe(0o600);
    expect(fs.readdirSync(folder)).toEqual(['state.json']);
  });

  it('not where there is one', () => {
    fs.writeFileSync(path, 'first');
    expect(createAtomically(path, 'second')).toBe(false);
    expect(fs.readFileSync(path, 'utf8')).toBe('first');
    expect(fs.readdirSync(folder)).toEqual(['state.json']);
  });
});
