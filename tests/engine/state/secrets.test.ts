import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { Crypter } from '../../../engine/state/passphrase';
import { createPassphraseFile, readPassphrase } from '../../../engine/state/passphraseFile';
import { decodeProperties, encodeProperties } from '../../../engine/state/properties';
import { type PropertyMap, Secret, UNKNOWN } from '../../../engine/state/values';

const SIGNATURE = '4dabf18193072939515e22adb298388d';
const MARK = { [SIGNATURE]: '1b47061264138c4ac30d75fd1eb44270' };

let crypter: Crypter;
beforeAll(async () => {
  crypter = await Crypter.create('a passphrase');
});

/** The ciphertext at `key` of an encoded map. */
function ciphertext(raw: Record<string, unknown>, key: string): string {
  return (raw[key] as { ciphertext: string }).ciphertext;
}

describe('the passphrase', () => {
  it('opens its own salt, and only its own', async () => {
    expect(crypter.state).toMatch(/^v1:[\w+/]{11}=:v1:[\w+/]{16}:[\w+/]+=*$/);
    const again = await Crypter.open('a passphrase', crypter.state, 'test');
    expect(again.decrypt(crypter.encrypt('"x"', 'p'), 'p')).toBe('"x"');
    await expect(Crypter.open('another', crypter.state, '/some/file')).rejects.toMatchObject({
      code: 'passphrase-wrong',
      kind: 'usage',
      message: expect.stringContaining('/some/file') as string,
      remedy: expect.stringContaining('PULUMI_CONFIG_PASSPHRASE_FILE') as string,
    });
  });

  it.each(['', 'v2:a:v1:b:c', 'v1:a:v1:b', 'v1:a', 'nonsense'])('names a malformed salt: %s', async (salt) => {
    await expect(Crypter.open('a passphrase', salt, 'test')).rejects.toMatchObject({ code: 'salt-malformed' });
  });

  it('derives a key once for each salt, and off the main thread', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 10);
    const other = await Crypter.create('b');
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
    // Nothing is derived again: that would be answered from another thread, after this turn of the loop.
    const turn = new Promise((resolve) => setImmediate(() => resolve('a turn later')));
    const opened = Promise.all([1, 2, 3].map(() => Crypter.open('b', other.state, 'test'))).then(() => 'at once');
    expect(await Promise.race([opened, turn])).toBe('at once');
  });

  it('names the secret that was tampered with', () => {
    const sealed = crypter.encrypt('"x"', 'p');
    const flipped = `${sealed.slice(0, -6)}${sealed.at(-6) === 'A' ? 'B' : 'A'}${sealed.slice(-5)}`;
    for (const text of [flipped, 'v1:AAAA:AAAA', 'v2:a:b', '', `${sealed}:more`]) {
      expect(() => crypter.decrypt(text, 'urn inputs.password')).toThrow(/urn inputs.password .* cannot be decrypted/);
    }
  });
});

describe('property values', () => {
  const map: PropertyMap = {
    text: 'ü "quoted" \u2028 😀',
    numbers: [0, -1.5, 1e21, 2 ** 53],
    nothing: null,
    yes: true,
    nested: { list: [{ password: new Secret('x') }], empty: {}, none: [] },
    whole: new Secret({ a: [1, { b: null }] }),
    ofNothing: new Secret(null),
    secretInside: new Secret({ inner: new Secret('y') }),
  };

  it('come back as they were, secrets marked at the same places', () => {
    const raw = JSON.parse(JSON.stringify(encodeProperties(map, crypter, 'p'))) as Record<string, unknown>;
    expect(decodeProperties(raw, crypter, 'p')).toEqual(map);
    expect(JSON.stringify(raw)).not.toMatch(/"[xy]"/);
    expect(raw['ofNothing']).toEqual({ ...MARK, ciphertext: expect.any(String) as string });
  });

  it('carry what they do not know: assets, references, NaN, a key named __proto__', () => {
    const raw = JSON.parse(
      `{"asset":{"${SIGNATURE}":"c44067f5952c0a294b673a41bacd8c17","text":"t"},"__proto__":{"polluted":1}}`,
    ) as Record<string, unknown>;
    const decoded = decodeProperties(raw, crypter, 'p');
    expect(JSON.stringify(encodeProperties(decoded, crypter, 'p'))).toBe(
      `{"__proto__":{"polluted":1},"asset":{"${SIGNATURE}":"c44067f5952c0a294b673a41bacd8c17","text":"t"}}`,
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('keep the ciphertext of an unchanged secret, and only of that', () => {
    const place = 'quiet';
    const raw = encodeProperties({ a: new Secret('same'), b: new Secret('same') }, crypter, place);
    expect(ciphertext(raw, 'a')).not.toBe(ciphertext(raw, 'b'));
    expect(encodeProperties({ a: new Secret('same'), b: new Secret('same') }, crypter, place)).toEqual(raw);
    const changed = encodeProperties({ a: new Secret('other'), b: new Secret('same') }, crypter, place);
    expect(ciphertext(changed, 'a')).not.toBe(ciphertext(raw, 'a'));
    expect(ciphertext(changed, 'b')).toBe(ciphertext(raw, 'b'));
  });

  it('keep the ciphertext of one Pulumi wrote, whose JSON escapes more', () => {
    const sealed = crypter.encrypt('"a\\u0026b"', 'p.go');
    const decoded = decodeProperties({ go: { ...MARK, ciphertext: sealed } }, crypter, 'p');
    expect(decoded).toEqual({ go: new Secret('a&b') });
    expect(ciphertext(encodeProperties(decoded, crypter, 'p'), 'go')).toBe(sealed);
  });

  it('take a plaintext, as an export with --show-secrets leaves it, and store it encrypted', () => {
    const decoded = decodeProperties({ a: { ...MARK, plaintext: '"shown"' } }, crypter, 'p');
    expect(decoded).toEqual({ a: new Secret('shown') });
    expect(JSON.stringify(encodeProperties(decoded, crypter, 'shown'))).not.toContain('shown"');
  });

  it.each([
    ['both texts', { ...MARK, plaintext: '1', ciphertext: 'v1:' }],
    ['no text', { ...MARK }],
    ['text that is not JSON', { ...MARK, plaintext: 'x' }],
  ])('refuse a secret with %s', (_, raw) => {
    expect(() => decodeProperties({ a: raw }, crypter, 'urn inputs')).toThrow(/urn inputs.a .* malformed/);
  });

  it('refuse to store what is not known yet', () => {
    expect(() => encodeProperties({ a: [UNKNOWN] }, crypter, 'urn outputs')).toThrow(
      /urn outputs.a\[0\] .* cannot be stored/,
    );
  });
});

describe('the passphrase file', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'coach-pass-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for its owner only, and never replaced', () => {
    const path = join(folder, 'home', 'passphrase');
    expect(createPassphraseFile(path)).toBe(true);
    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(/^[\w-]{32}\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(createPassphraseFile(path)).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });

  it('comes after what the environment says, in the order Pulumi takes it', () => {
    const generated = join(folder, 'generated');
    const named = join(folder, 'named');
    writeFileSync(generated, 'from the file\n');
    writeFileSync(named, '  from the named file \n\n');
    expect(readPassphrase({}, generated)).toEqual({
      passphrase: 'from the file',
      source: generated,
      environment: { PULUMI_CONFIG_PASSPHRASE_FILE: generated },
    });
    const both = { PULUMI_CONFIG_PASSPHRASE_FILE: named };
    expect(readPassphrase(both, generated)).toEqual({
      passphrase: 'from the named file',
      source: named,
      environment: {},
    });
    expect(readPassphrase({ ...both, PULUMI_CONFIG_PASSPHRASE: '' }, generated)).toEqual({
      passphrase: '',
      source: 'PULUMI_CONFIG_PASSPHRASE',
      environment: {},
    });
  });

  it('is named when it is missing or empty', () => {
    const path = join(folder, 'passphrase');
    expect(() => readPassphrase({}, path)).toThrow(new RegExp(`${path} cannot be read: does not exist`));
    expect(() => readPassphrase({ PULUMI_CONFIG_PASSPHRASE_FILE: path }, 'x')).toThrow(
      /of PULUMI_CONFIG_PASSPHRASE_FILE/,
    );
    writeFileSync(path, '\n');
    expect(() => readPassphrase({}, path)).toThrow(/is empty/);
  });
});
