import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { removeSaltFromSettings, stackConfigCopy } from '../../../engine/state/settingsCopy';

const SALT = 'v1:qE08kv8iHoU=:v1:7YfsEWyon7cFMqAy:7VrmAppGerepuTgLQmHxDzP8rtcmhg==';
const OTHER = 'v1:AAAAAAAAAAA=:v1:7YfsEWyon7cFMqAy:7VrmAppGerepuTgLQmHxDzP8rtcmhg==';
const SETTINGS = `# for people\nconfig:\n  coach:environment: local # why\n  coach:server:\n    port: "5432"\n    note: ${'long '.repeat(40)}\n`;
const SECURE = `encryptionsalt: ${OTHER}\nconfig:\n  coach:token:\n    secure: v1:abc:def\n`;

let root: string;
let original: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'coach-settings-'));
  original = join(root, 'Pulumi.local.yaml');
  writeFileSync(original, SETTINGS);
});
afterEach(() => rmSync(root, { recursive: true }));

function copyText(salt?: string): string {
  return readFileSync(stackConfigCopy(root, 'local', salt), 'utf8');
}

describe('the copy of the settings', () => {
  it('holds the settings and the salt, and the committed file stays as it is', () => {
    const copy = stackConfigCopy(root, 'local', SALT);
    expect(copy).toBe(join(root, '.coachdb/Pulumi.local.yaml'));
    expect(parse(readFileSync(copy, 'utf8'))).toEqual({ ...(parse(SETTINGS) as object), encryptionsalt: SALT });
    expect(readFileSync(original, 'utf8')).toBe(SETTINGS);
    expect(statSync(copy).mode & 0o777).toBe(0o600);
  });

  it('is rewritten only when the settings or the salt changed', () => {
    const copy = stackConfigCopy(root, 'local', SALT);
    utimesSync(copy, 1000, 1000);
    stackConfigCopy(root, 'local', SALT);
    stackConfigCopy(root, 'local', undefined);
    expect(statSync(copy).mtimeMs).toBe(1_000_000);
    expect(parse(copyText(OTHER))).toMatchObject({ encryptionsalt: OTHER });
    writeFileSync(original, SETTINGS.replace('5432', '5433'));
    expect(copyText()).toContain('5433');
  });

  it('keeps the salt Pulumi put into it, until the state has another', () => {
    expect(copyText()).not.toContain('encryptionsalt');
    writeFileSync(join(root, '.coachdb/Pulumi.local.yaml'), `${SETTINGS}encryptionsalt: ${SALT}\n`);
    expect(parse(copyText())).toMatchObject({ encryptionsalt: SALT });
    expect(parse(copyText(OTHER))).toMatchObject({ encryptionsalt: OTHER });
  });

  it('leaves the salt of committed encrypted values, which open with no other', () => {
    writeFileSync(original, SECURE);
    expect(parse(copyText(SALT))).toEqual(parse(SECURE));
  });

  it('takes an empty file and one that ends a document', () => {
    writeFileSync(original, '');
    expect(parse(copyText(SALT))).toEqual({ encryptionsalt: SALT });
    writeFileSync(original, '---\nconfig: {"coach:a": b}\n...\n');
    expect(parse(copyText(SALT))).toEqual({ config: { 'coach:a': 'b' }, encryptionsalt: SALT });
  });

  it('names a stack without settings', () => {
    expect(() => stackConfigCopy(root, 'nowhere', SALT)).toThrow(
      /no stack nowhere: .*Pulumi.nowhere.yaml does not exist/,
    );
  });
});

describe('a salt that plain Pulumi put into the committed settings', () => {
  it('is taken out, every other byte and the mode stay', () => {
    chmodSync(original, 0o644);
    writeFileSync(original, `${SETTINGS}encryptionsalt: ${SALT}\n`);
    expect(removeSaltFromSettings(root, 'local')).toBe(true);
    expect(readFileSync(original, 'utf8')).toBe(SETTINGS);
    expect(statSync(original).mode & 0o777).toBe(0o644);
    expect(removeSaltFromSettings(root, 'local')).toBe(false);
  });

  it('stays beside encrypted values', () => {
    writeFileSync(original, SECURE);
    expect(removeSaltFromSettings(root, 'local')).toBe(false);
    expect(readFileSync(original, 'utf8')).toBe(SECURE);
    expect(removeSaltFromSettings(root, 'nowhere')).toBe(false);
  });
});
