import { codeOf, messageOf, PlatformError } from '../../system/errors';

/** Whether the server ended the session or went away: class 57P, class 08, or an error of the connection itself, which has no SQLSTATE. */
export function isConnectionLost(error: unknown): boolean {
  if (error instanceof PlatformError) return error.code === 'connection-lost';
  const state = codeOf(error);
  if (state === undefined) return /connection|terminated|closed|not queryable/i.test(messageOf(error));
  return /^(57P|08|ECONN|ENOTCONN$|EPIPE$|ETIMEDOUT$|ERR_STREAM_(PREMATURE_CLOSE|DESTROYED)$)/.test(state);
}

/** `during`: `the dump`. `unchanged`: what that left as it was, a sentence. */
export const connectionLost = (during: string, unchanged: string, error: unknown): PlatformError =>
  new PlatformError(
    'connection-lost',
    `The connection to PostgreSQL ended during ${during}: ${messageOf(error)}. ${unchanged}`,
    'See `npm run coachdb -- logs` for why, and run the command again: it begins anew.',
    { cause: error },
  );
