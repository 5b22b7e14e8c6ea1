import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier, quoteLiteral } from '../../../postgres/connection/quote';
import { passwordMatches, scramVerifier } from '../../../postgres/roles/scram';
import { freshDatabase, type TestDatabase } from '../../support/database';

const role = `scram "${randomBytes(4).toString('hex')}`;

/** Plain and normalised texts, and what SASLprep maps, refuses or leaves: in the last cases PostgreSQL takes the text as it is. */
const PASSWORDS = [
  'pencil',
  ' with spaces ',
  `it's "quoted" \\ and $dollar$`,
  'x'.repeat(1000),
  'Grüße',
  'cafe\u0301',
  '\u2168 and \u00aa',
  'I\u00adX',
  'non\u00a0breaking\u3000space',
  '\ufb01sh',
  '日本語のパスワード',
  '😀 emoji',
  '\u00adonly soft hyphens\u00ad',
  '\u00ad\u00ad',
  'bell\u0007',
  '\u0627\u0644\u0633\u0631',
  '\u0627bc',
  '\u06271',
  '\u0627\ufb01',
  '\u0627\ufefb\u0627',
  '1\ufefb',
  'zero\u200bwidth\u200d',
  'left\u200eto right',
  'private\ue000use \ufb01',
  'line\nfeed',
];

describe('SCRAM verifiers', () => {
  let base: TestDatabase;
  beforeAll(async () => {
    base = await freshDatabase('scram');
    await base.client.query(`CREATE ROLE ${quoteIdentifier(role)} LOGIN`);
  });
  afterAll(async () => {
    await base.client.query(`DROP ROLE ${quoteIdentifier(role)}`);
    await base.drop();
  });
  const stored = async (password: string): Promise<string> => {
    await base.client.query(`ALTER ROLE ${quoteIdentifier(role)} PASSWORD ${quoteLiteral(password)}`);
    const { rows } = await base.client.query<{ rolpassword: string }>(
      'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
      [role],
    );
    return rows[0]?.rolpassword ?? '';
  };

  it('are those of RFC 7677', async () => {
    const verifier = await scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'));
    expect(verifier).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    );
    expect(await scramVerifier('pencil')).not.toBe(await scramVerifier('pencil'));
  });

  it.each(PASSWORDS)('are what PostgreSQL computes for %j', async (password) => {
    const verifier = await stored(password);
    expect(await passwordMatches(verifier, password, role)).toBe(true);
    expect(await passwordMatches(verifier, `${password}x`, role)).toBe(false);
  });

  it('are stored by PostgreSQL as they are', async () => {
    const verifier = await scramVerifier('Grüße');
    expect(await stored(verifier)).toBe(verifier);
  });

  it('are compared whatever their iterations, beside MD5 and no password at all', async () => {
    const slow = await scramVerifier('pencil', Buffer.alloc(16), 10_000);
    expect(await passwordMatches(slow, 'pencil', role)).toBe(true);
    await base.client.query("SET password_encryption = 'md5'");
    const md5 = await stored('pencil');
    await base.client.query('RESET password_encryption');
    expect(md5).toMatch(/^md5/);
    expect(await passwordMatches(md5, 'pencil', role)).toBe(true);
    expect(await passwordMatches(md5, 'pencil', 'another')).toBe(false);
    expect(await passwordMatches(null, 'pencil', role)).toBe(false);
    expect(await passwordMatches('garbage', 'pencil', role)).toBe(false);
  });
});
