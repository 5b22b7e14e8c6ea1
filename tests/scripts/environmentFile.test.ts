import {
  chmodSync,
  lstatSync,
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

import { parse } from 'dotenv';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { mergeEnvironment, mergeEnvironmentFile } from '../../scripts/environmentFile';

describe('what a .env file holds', () => {
  const merged = (before: string, variables: Record<string, string>): string =>
    mergeEnvironment(before, variables, '.env').text;

  it('keeps comments, order and other variables', () => {
    const before = '# mine\nOTHER=x # why\n\nDATABASE_URL="old"\nexport LAST=1\n';
    expect(mergeEnvironment(before, { DATABASE_URL: 'new', ADDED: 'y' }, '.env')).toEqual({
      text: '# mine\nOTHER=x # why\n\nDATABASE_URL="new"\nexport LAST=1\nADDED="y"\n',
      changed: ['DATABASE_URL', 'ADDED'],
    });
  });

  it.each([
    ['export, blanks and comment', `export A = 'old'  # mine\n`, `export A = "new"  # mine\n`],
    ['an unquoted value with blanks inside', 'A=one two\t# mine\n', 'A="new"\t# mine\n'],
    ['a comment that begins at the value', 'A=old#mine\n', 'A="new" #mine\n'],
    ['no value', 'A=\nB=1\n', 'A="new"\nB=1\n'],
    ['no value but a comment', 'A= # mine\n', 'A= "new" # mine\n'],
    ['a colon', 'A: old\n', 'A: "new"\n'],
    ['Windows line ends', 'A=1\r\nB=2', 'A="new"\r\nB=2'],
    ['the first line after a byte order mark', '\u00ef\u00bb\u00bfA=1\n', '\u00ef\u00bb\u00bfA="new"\n'],
    ['twice: the last one counts', 'A=1\nA=2\n', 'A=1\nA="new"\n'],
    ['a value over several lines', 'A="one\nB=2\nthree" # mine\nC=3\n', 'A="new" # mine\nC=3\n'],
    ['inside another value: not an assignment', 'B="x\nA=no\ny"\nA=1\n', 'B="x\nA=no\ny"\nA="new"\n'],
    ['inside another value only', 'B=`x\nA=no\ny`\n', 'B=`x\nA=no\ny`\nA="new"\n'],
    ['in a comment', '# A=no\n', '# A=no\nA="new"\n'],
    ['no line end at the end', 'B=2', 'B=2\nA="new"\n'],
    ['another name that contains it', 'MY_A=1\nA.B=2\n', 'MY_A=1\nA.B=2\nA="new"\n'],
    ['a quote inside an unquoted value', `B=it's\nA=1\n`, `B=it's\nA="new"\n`],
  ])('%s', (_what, before, after) => {
    expect(merged(before, { A: 'new' })).toBe(after);
    const bare = (text: string): string => text.replace('\u00ef\u00bb\u00bf', '');
    expect(parse(bare(after))).toEqual({ ...parse(bare(before)), A: 'new' });
    // Once more changes nothing.
    expect(mergeEnvironment(after, { A: 'new' }, '.env')).toEqual({ text: after, changed: [] });
  });

  it.each([
    ['a quote that is never closed', 'B="open\nA=1\n', /line 1 does not end with its quote/],
    ['a value after which more follows', 'C=1\nB="x\ny"z\nA=1\n', /line 2 does not end with its quote/],
    ['UTF-16', Buffer.from('A=1\n', 'utf16le').toString('latin1'), /NUL bytes/],
  ])('refuses %s', (_what, before, message) => {
    expect(() => merged(before, { A: 'new' })).toThrow(message);
  });

  it('writes only what every reader takes as it is', () => {
    const url = 'postgresql://inclusive:a%24b%27c!*()~@127.0.0.1:5432/inclusive_ai';
    expect(parse(merged('', { DATABASE_URL: url }))).toEqual({ DATABASE_URL: url });
    for (const value of ['a"b', 'a$b', 'a\\b', 'a\nb', 'a`b'])
      expect(() => merged('', { A: value })).toThrow(/A: its value would read differently/);
  });
});

describe('the file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'coach-env-'));
    path = join(folder, '.env');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const mode = (): number => statSync(path).mode & 0o777;

  it('is made with mode 0600, and tightened', () => {
    expect(mergeEnvironmentFile(path, { A: '1' })).toEqual(['A']);
    expect(mode()).toBe(0o600);
    chmodSync(path, 0o644);
    expect(mergeEnvironmentFile(path, { A: '1' })).toEqual([]);
    expect(mode()).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  it('keeps every byte it does not own, valid UTF-8 or not', () => {
    // Latin-1, a broken UTF-8 sequence, and characters whose last byte is a blank of Latin-1.
    const others = Buffer.concat([
      Buffer.from('N=se\u00f1or\n', 'latin1'),
      Buffer.from([0x42, 0x3d, 0xff, 0xfe, 0x80, 0x0a]),
      Buffer.from('V=voil\u00e0\n'),
    ]);
    writeFileSync(path, Buffer.concat([others, Buffer.from('A=d\u00e9j\u00e0')]));
    mergeEnvironmentFile(path, { A: 'new' });
    expect(readFileSync(path)).toEqual(Buffer.concat([others, Buffer.from('A="new"')]));
  });

  it('follows a symbolic link and leaves it one', () => {
    const target = join(folder, 'shared.env');
    writeFileSync(target, 'A=1\n');
    symlinkSync('shared.env', path);
    mergeEnvironmentFile(path, { A: '2' });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toBe('A="2"\n');
  });

  it.each([
    ['a link to nothing', (at: string) => symlinkSync('missing', at), /symbolic link to a file that does not exist/],
    ['a folder', (at: string) => mkdirSync(at), /no regular file/],
  ])('refuses %s', (_what, prepare, message) => {
    prepare(path);
    expect(() => mergeEnvironmentFile(path, { A: '1' })).toThrow(message);
    expect(readdirSync(folder)).toEqual(['.env']);
  });

  it('refuses a folder that does not exist', () => {
    const missing = join(folder, 'nowhere', '.env');
    expect(() => mergeEnvironmentFile(missing, { A: '1' })).toThrow(
      expect.objectContaining({ code: 'environment-file', kind: 'usage', object: missing }) as Error,
    );
    expect(readdirSync(folder)).toEqual([]);
  });
});
