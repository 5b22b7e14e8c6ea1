import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { generateIdentity, identityToRecipient } from 'age-encryption';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { encryptFiles, readIdentity } from '../../../postgres/backup/encryption';
import type { Manifest } from '../../../postgres/backup/manifest';
import { type Finding, readThrough } from '../../../postgres/backup/readThrough';

let folder: string;
let identityFile: string;
let recipient: string;
let encrypted: Manifest;
const CONTENT = `${'a\tb\n'.repeat(70_000)}\\.\n\n\n`;

beforeEach(async () => {
  const home = mkdtempSync(join(tmpdir(), 'coach-age-'));
  folder = join(home, 'backup');
  const identity = await generateIdentity();
  recipient = await identityToRecipient(identity);
  identityFile = join(home, 'key.txt');
  writeFileSync(identityFile, `# created: today\n# public key: ${recipient}\n${identity}\n`);
  mkdirSync(folder);
  writeFileSync(join(folder, '1.dat'), CONTENT);
  writeFileSync(join(folder, 'database.json'), '');
  const plain = {
    layout: 'directory',
    encryption: null,
    files: [
      { path: '1.dat', bytes: CONTENT.length, sha256: '' },
      { path: 'database.json', bytes: 0, sha256: '' },
    ],
    tables: [{ schema: 'public', name: 't', rows: 70_000, checksum: '1', file: '1.dat' }],
  } as unknown as Manifest;
  encrypted = await encryptFiles(folder, plain, [recipient]);
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const look = (file?: string): Promise<Finding[]> =>
  readThrough(folder, encrypted, {
    pathVariable: process.env.PATH ?? '',
    depth: 'content',
    identity: file === undefined ? undefined : readIdentity(file),
  });

describe('an encrypted backup', () => {
  it('has nothing readable left, and is read to its end with the secret key', async () => {
    expect(readdirSync(folder).sort()).toEqual(['1.dat.age', 'database.json.age']);
    expect(readFileSync(join(folder, '1.dat.age'), 'latin1')).not.toContain('a\tb');
    expect(encrypted).toMatchObject({
      encryption: { method: 'age', recipients: [recipient] },
      tables: [{ file: '1.dat.age' }],
    });
    expect(await look(identityFile)).toEqual([]);
    const bytes = { pathVariable: '', depth: 'bytes' as const };
    expect(await readThrough(folder, encrypted, bytes)).toEqual([]);
  });

  it('is laid down decrypted for pg_restore', async () => {
    const stage = join(folder, '..', 'stage');
    await readThrough(folder, encrypted, {
      pathVariable: '',
      depth: 'content',
      stage,
      identity: readIdentity(identityFile),
    });
    expect(readFileSync(join(stage, '1.dat'), 'utf8')).toBe(CONTENT);
    expect(readFileSync(join(stage, 'database.json'), 'utf8')).toBe('');
  });

  it('says that another key, or none, does not open it', async () => {
    const other = join(folder, '..', 'other.txt');
    writeFileSync(other, `${await generateIdentity()}\n`);
    await expect(look(other)).rejects.toMatchObject({ code: 'age-foreign' });
    await expect(look()).rejects.toMatchObject({ code: 'age-identity' });
  });

  it('that was changed or cut is found, also where manifest and bytes agree', async () => {
    const path = join(folder, '1.dat.age');
    const whole = readFileSync(path);
    for (let round = 0; round < 20; round += 1) {
      const bytes = Buffer.from(whole);
      const at = (randomBytes(4).readUInt32LE() % (bytes.length - 400)) + 300;
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      expect((await look(identityFile)).map(({ kind }) => kind)).toEqual(['checksum']);
      const first = encrypted.files[0];
      if (first !== undefined) first.sha256 = createHash('sha256').update(bytes).digest('hex');
      expect((await look(identityFile)).map(({ kind }) => kind)).toEqual(['unreadable']);
      if (first !== undefined) first.sha256 = createHash('sha256').update(whole).digest('hex');
    }
  });
});

describe('a file of identities', () => {
  it.each([
    ['', 'something else'],
    ['AGE-SECRET-KEY-1X\nssh-ed25519 AAAA\n', 'something else'],
  ])('%j is refused', (text, said) => {
    const path = join(folder, '..', 'odd.txt');
    writeFileSync(path, text);
    expect(() => readIdentity(path)).toThrow(said);
  });

  it('that is not there is refused by name', () => {
    expect(() => readIdentity('/nowhere/key.txt')).toThrow('/nowhere/key.txt');
  });
});
