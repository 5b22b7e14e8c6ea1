import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { PlatformError } from '../../system/errors';

const derive = promisify(pbkdf2);

/** PostgreSQL's own default (scram_iterations). */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * The SCRAM-SHA-256 verifier of a password (RFC 5803, in PostgreSQL's notation), so that the password itself never stands
 * in SQL, and so in no log. Printable ASCII alone is the same text to every client: of the rest SASLprep (RFC 4013) makes another one.
 */
export async function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(SALT_BYTES),
  iterations = ITERATIONS,
): Promise<string> {
  if (!/^[\x20-\x7e]+$/.test(password)) {
    throw new PlatformError(
      'password-not-ascii',
      'A password of a declared role holds something else than printable ASCII, which clients do not agree on how to send.',
      'Give the role a password of letters, digits and ASCII signs; without one `npm run up` generates it.',
      { kind: 'usage' },
    );
  }
  const salted = await derive(password, salt, iterations, KEY_BYTES, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

const SCRAM = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$/;

/** Whether `stored` (pg_authid.rolpassword) is the verifier of this password. An MD5 hash never is: it is to be replaced. */
export async function passwordMatches(stored: string | null, password: string): Promise<boolean> {
  const [, iterations, salt = ''] = SCRAM.exec(stored ?? '') ?? [];
  if (stored === null || iterations === undefined) return false;
  const expected = await scramVerifier(password, Buffer.from(salt, 'base64'), Number(iterations));
  const [a, b] = [Buffer.from(stored), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
