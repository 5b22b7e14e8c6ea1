import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { saslprep } from './saslprep';

const derive = promisify(pbkdf2);

/** PostgreSQL's own default (scram_iterations). */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * The SCRAM-SHA-256 verifier of a password (RFC 5803, in PostgreSQL's notation), so that the password itself never stands
 * in SQL, and so in no log.
 */
export async function scramVerifier(
  password: string,
  salt: Buffer = randomBytes(SALT_BYTES),
  iterations = ITERATIONS,
): Promise<string> {
  const salted = await derive(saslprep(password), salt, iterations, KEY_BYTES, 'sha256');
  const hmac = (text: string): Buffer => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey}:${serverKey}`;
}

const SCRAM = /^SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$/;

/** Whether `stored` (pg_authid.rolpassword: a SCRAM verifier, an MD5 hash, or null for none) is of this password. */
export async function passwordMatches(stored: string | null, password: string, role: string): Promise<boolean> {
  if (stored === null) return false;
  const scram = SCRAM.exec(stored);
  const expected =
    scram === null
      ? `md5${createHash('md5').update(`${password}${role}`).digest('hex')}`
      : await scramVerifier(password, Buffer.from(scram[2] ?? '', 'base64'), Number(scram[1]));
  const [a, b] = [Buffer.from(stored), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
