import { describe, expect, it } from 'vitest';

import { isConnectionLost } from '../../../postgres/connection/lost';
import { PlatformError } from '../../../system/errors';

const coded = (code: string, message = 'write'): Error => Object.assign(new Error(message), { code });

describe('whether a connection was lost', () => {
  it.each([
    ['57P01', coded('57P01')],
    ['08006', coded('08006')],
    ['a reset', coded('ECONNRESET')],
    ['a write into a closed socket', coded('EPIPE', 'write EPIPE')],
    ['a stream that ended too early', coded('ERR_STREAM_PREMATURE_CLOSE', 'Premature close')],
    ['what pg says without a code', new Error('Connection terminated unexpectedly')],
    ['an error of ours', new PlatformError('connection-lost', 'x', 'y')],
  ])('%s: yes', (_what, error) => expect(isConnectionLost(error)).toBe(true));

  it.each([
    ['a unique key', coded('23505')],
    ['a full disk', coded('ENOSPC')],
    ['a mistake', new TypeError('x is not a function')],
    ['another error of ours', new PlatformError('row-refused', 'the connection is closed', 'y')],
  ])('%s: no', (_what, error) => expect(isConnectionLost(error)).toBe(false));
});
