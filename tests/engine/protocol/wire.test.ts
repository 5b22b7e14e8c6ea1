import { describe, expect, it } from 'vitest';

import {
  fromStruct,
  hasUnknown,
  markSecrets,
  rewrap,
  sameValue,
  toStruct,
  unwrap,
} from '../../../engine/protocol/wire';
import { type PropertyMap, Secret, UNKNOWN } from '../../../engine/state/values';
import { UNKNOWN_ON_WIRE } from '../../../system/unknown';

const SAMPLE: PropertyMap = {
  text: 'a',
  number: 1.5,
  flag: false,
  nothing: null,
  list: [1, new Secret('s'), { deep: UNKNOWN }],
  secret: new Secret({ user: 'u', password: 'p' }),
};

describe('wire format', () => {
  it('brings every kind of value through a protobuf Struct and back', () => {
    expect(fromStruct(toStruct(SAMPLE))).toEqual(SAMPLE);
  });

  it('unwraps secrets for a provider and keeps unknowns as the sentinel', () => {
    expect(unwrap(SAMPLE)).toEqual({
      text: 'a',
      number: 1.5,
      flag: false,
      nothing: null,
      list: [1, 's', { deep: UNKNOWN_ON_WIRE }],
      secret: { user: 'u', password: 'p' },
    });
  });

  it('marks what was secret in the inputs, and what is always secret, again', () => {
    const marked = markSecrets(rewrap({ list: [1, 's'], secret: { user: 'u' }, key: 'k', open: 'o' }), SAMPLE, ['key']);
    expect(marked).toEqual({
      list: [1, new Secret('s')],
      secret: new Secret({ user: 'u' }),
      key: new Secret('k'),
      open: 'o',
    });
  });

  it('decodes an output value: secret, unknown or both', () => {
    const output = { '4dabf18193072939515e22adb298388d': 'd0e6a833031e9bbcd3f4e8bde6ca49a4' };
    expect(rewrap({ a: { ...output, value: 1 }, b: { ...output, secret: true, value: 2 }, c: output })).toEqual({
      a: 1,
      b: new Secret(2),
      c: UNKNOWN,
    });
  });

  it('never prints a secret', () => {
    expect(JSON.stringify({ a: new Secret('hunter2') })).not.toContain('hunter2');
    expect(`${String(new Secret('hunter2'))}`).not.toContain('hunter2');
  });

  it('compares by value: secret marks do not matter, order of keys neither, unknown equals nothing', () => {
    expect(sameValue({ a: 1, b: [new Secret('x')] }, { b: ['x'], a: 1 })).toBe(true);
    expect(sameValue({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(sameValue([1, 2], [2, 1])).toBe(false);
    expect(sameValue(UNKNOWN, UNKNOWN)).toBe(false);
    expect(hasUnknown(new Secret([UNKNOWN]))).toBe(true);
  });
});
