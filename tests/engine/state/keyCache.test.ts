import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { KeyCache } from '../../../engine/state/keyCache';
import { Crypter } from '../../../engine/state/passphrase';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'coach-key-'));
  path = join(folder, 'state.key');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a cached key', () => {
  it('is given back for its passphrase and salt only', () => {
    const [salt, key] = [randomBytes(8), randomBytes(32)];
    const kept = new KeyCache(path);
    expect(kept.read('right', salt)).toBeUndefined();
    kept.write('right', salt, key);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(kept.read('right', salt)).toEqual(key);
    expect(kept.read('wrong', salt)).toBeUndefined();
    expect(kept.read('right', randomBytes(8))).toBeUndefined();
    expect(kept.derived('right')).toEqual({ salt, key });
    expect(kept.derived('wrong')).toBeUndefined();
    expect(readFileSync(path, 'utf8')).not.toContain('right');
  });

  it.each(['', '{', '{}', '{"salt":1}', 'null', '{"salt":"AAAAAAAAAAA=","key":"AA==","proof":"AA=="}'])(
    'counts for nothing when it is damaged: %s',
    (text) => {
      writeFileSync(path, text);
      expect(new KeyCache(path).read('right', Buffer.alloc(8))).toBeUndefined();
    },
  );

  it('altered by hand opens nothing, and a wrong passphrase is noticed all the same', async () => {
    const first = await Crypter.create('generated', new KeyCache(path));
    const sealed = first.encrypt('"secret"', 'p');
    const again = await Crypter.open('generated', first.state, path, new KeyCache(path));
    expect(again.decrypt(sealed, 'p')).toBe('"secret"');
    await expect(Crypter.open('another', first.state, path, new KeyCache(path))).rejects.toMatchObject({
      code: 'passphrase-wrong',
    });
  });

  it('that cannot be written costs nothing but time', async () => {
    const kept = new KeyCache(join(folder, 'missing', 'state.key'));
    const crypter = await Crypter.create('generated-2', kept);
    expect(crypter.decrypt(crypter.encrypt('"x"', 'p'), 'p')).toBe('"x"');
  });
});
