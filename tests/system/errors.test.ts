import { describe, expect, it } from 'vitest';

import { ERROR_KINDS, errorFromText, errorText, PlatformError } from '../../system/errors';

describe('an error as text', () => {
  it.each(ERROR_KINDS)('comes back whole: %s', (kind) => {
    const error = new PlatformError('port-taken', 'Port 1 is taken.\nBy [process: 2].', 'Free it [soon].', { kind });
    const back = errorFromText(errorText(error), { object: 'urn' });
    expect(back).toMatchObject({
      code: 'port-taken',
      message: error.message,
      remedy: error.remedy,
      kind,
      object: 'urn',
    });
  });

  it('is not taken out of a text that is none', () => {
    for (const text of ['', 'It failed.', 'It failed.\nMend it.', 'an array [1]', 'a list [a, b]']) {
      expect(errorFromText(text)).toBe(undefined);
    }
  });
});
