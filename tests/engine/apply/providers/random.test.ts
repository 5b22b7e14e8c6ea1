import { describe, expect, it } from 'vitest';

import { type Properties, UNKNOWN } from '../../../../engine/apply/provider';
import {
  type CharacterClass,
  generatePassword,
  type PasswordOptions,
} from '../../../../engine/apply/providers/password';
import { createRandomProvider } from '../../../../engine/apply/providers/random';
import { failureOf } from '../../../postgres/roles/support';

const TYPE = 'random:index/randomPassword:RandomPassword';
const provider = createRandomProvider();
const generate = async (inputs: Properties): Promise<string> => {
  const { result } = (await provider.create(TYPE, inputs)).outputs;
  if (typeof result !== 'string') throw new Error('There is no password.');
  return result;
};

const all = <T>(value: T): Record<CharacterClass, T> => ({
  lower: value,
  upper: value,
  numeric: value,
  special: value,
});
const options = (more: Partial<PasswordOptions>): PasswordOptions => ({
  length: 8,
  classes: all(true),
  minimum: all(0),
  ...more,
});

describe('generated passwords', () => {
  it('are made of the asked classes, and have the asked length', async () => {
    const many = async (inputs: Properties): Promise<string> =>
      (await Promise.all(Array.from({ length: 40 }, () => generate({ length: 25, ...inputs })))).join('');
    expect(await many({ special: false })).toMatch(/^[a-zA-Z0-9]{1000}$/);
    expect(await many({ special: false, upper: false, numeric: false })).toMatch(/^[a-z]{1000}$/);
    expect(await many({ special: false, number: false })).toMatch(/^[a-zA-Z]{1000}$/);
    expect(await many({ lower: false, upper: false, numeric: false })).toMatch(/^[!@#$%&*()\-_=+[\]{}<>:?]{1000}$/);
    expect(await many({ lower: false, upper: false, numeric: false, overrideSpecial: '-_' })).toMatch(/^[-_]{1000}$/);
    expect(
      Array.from(await generate({ length: 9, lower: false, upper: false, numeric: false, overrideSpecial: '😀é' })),
    ).toHaveLength(9);
  });

  it('have the asked minimum of each class, also of one that is not used', async () => {
    for (let time = 0; time < 200; time += 1) {
      const text = await generate({ length: 8, minLower: 2, minUpper: 2, minNumeric: 2, minSpecial: 2 });
      for (const each of [/[a-z]/g, /[A-Z]/g, /\d/g, /[^a-zA-Z0-9]/g]) expect(text.match(each)).toHaveLength(2);
    }
    expect((await generate({ length: 10, special: false, minSpecial: 3 })).match(/[^a-zA-Z0-9]/g)).toHaveLength(3);
  });

  it('differ, and no character or place is preferred', () => {
    const seen = new Set<string>();
    const counts = new Map<string, number>();
    const places = [0, 0, 0, 0];
    for (let time = 0; time < 20_000; time += 1) {
      const text = generatePassword(
        options({ length: 4, classes: { ...all(false), lower: true }, minimum: { ...all(0), numeric: 1 } }),
      );
      seen.add(text);
      const at = text.search(/\d/);
      places[at] = (places[at] ?? 0) + 1;
      for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
    }
    // Six standard deviations on each side.
    for (const count of places) expect(Math.abs(count - 5000)).toBeLessThan(6 * Math.sqrt(20_000 * 0.25 * 0.75));
    const letters = 60_000 / 26;
    for (const letter of 'abcdefghijklmnopqrstuvwxyz')
      expect(Math.abs((counts.get(letter) ?? 0) - letters), letter).toBeLessThan(6 * Math.sqrt(letters));
    for (const digit of '0123456789')
      expect(Math.abs((counts.get(digit) ?? 0) - 2000), digit).toBeLessThan(6 * Math.sqrt(2000));
    expect(seen.size).toBeGreaterThan(18_000);
  });

  it('cannot be made of nothing, nor of more than fits', () => {
    expect(() => generatePassword(options({ classes: all(false) }))).toThrow(RangeError);
    expect(() => generatePassword(options({ length: 3, minimum: all(1) }))).toThrow(RangeError);
  });
});

describe('RandomPassword', () => {
  it('is replaced when an option changes, and only then', async () => {
    const { outputs } = await provider.create(TYPE, { length: 12, keepers: { a: 'b' } });
    const diff = async (news: Properties): Promise<string[]> => {
      const { changed, replaces } = await provider.diff(TYPE, 'none', outputs, {}, news);
      expect(replaces).toEqual(changed);
      return changed;
    };
    const same = { length: 12, keepers: { a: 'b' } };
    expect(await diff(same)).toEqual([]);
    expect(await diff({ ...same, special: true, minLower: 0, numeric: true, overrideSpecial: '' })).toEqual([]);
    expect(await diff({ ...same, keepers: { a: 'b', c: null } })).toEqual([]);
    expect(await diff({ ...same, length: 13 })).toEqual(['length']);
    expect(await diff({ ...same, keepers: { a: 'c' } })).toEqual(['keepers']);
    expect(await diff({ length: 12 })).toEqual(['keepers']);
    expect(await diff({ ...same, special: false })).toEqual(['special']);
    expect(await diff({ ...same, number: false })).toEqual(['number', 'numeric']);
    expect(await diff({ ...same, keepers: UNKNOWN })).toEqual(['keepers']);
  });

  it('keeps what the real provider has stored', async () => {
    const theirs = {
      id: 'none',
      length: 12,
      result: 'x',
      bcryptHash: 'y',
      __meta: '{"schema_version":"3"}',
      keepers: { a: 'b' },
    };
    expect(await provider.read(TYPE, 'none', theirs, {})).toEqual({ id: 'none', outputs: theirs });
    const { outputs } = await provider.update(TYPE, 'none', theirs, {}, { length: 12 });
    expect(outputs).toMatchObject({ result: 'x', bcryptHash: 'y', __meta: theirs.__meta });
    expect(outputs).not.toHaveProperty('keepers');
  });

  it('refuses, by name, what it does not know or cannot do', async () => {
    const reasons = async (news: Properties): Promise<string> =>
      (await provider.check(TYPE, undefined, news)).failures
        .map(({ property, reason }) => `${property}: ${reason}`)
        .join();
    expect(await reasons({ length: 12, colour: 'red' })).toMatch(/^colour: .*it applies .*length/);
    expect(await reasons({})).toMatch(/^length: is missing/);
    expect(await reasons({ length: 0 })).toMatch(/^length: is 0/);
    expect(await reasons({ length: '12' })).toMatch(/^length: is "12"/);
    expect(await reasons({ length: 12, special: 'no' })).toMatch(/^special: is "no"/);
    expect(await reasons({ length: 3, minLower: 2, minUpper: 2 })).toMatch(/^length: is 3, less than/);
    expect(await reasons({ length: 12, number: true, numeric: false })).toMatch(/^number: is the older name/);
    expect(await reasons({ length: 12, lower: false, upper: false, numeric: false, special: false })).toMatch(
      /^lower: one of/,
    );
    expect(await reasons({ length: UNKNOWN, keepers: UNKNOWN })).toBe('');
    const failure = await failureOf(
      Promise.resolve().then(() => provider.check('random:index/randomPet:RandomPet', undefined, {})),
    );
    expect(failure.code).toBe('type-unsupported');
  });
});
