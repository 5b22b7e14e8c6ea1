import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { quoteIdentifier, quoteLiteral } from '../../../postgres/connection/quote';
import { passwordMatches, scramVerifier } from '../../../postgres/roles/scram';
import { freshDatabase, type TestDatabase } from '../../support/database';

const role = `scram "${randomBytes(4).toString('hex')}`;

const PASSWORDS = ['pencil', ' with spaces ', `it's "quoted" \\ and $dollar$`, 'x'.repeat(1000)];

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
    expect(await passwordMatches(verifier, password)).toBe(true);
    expect(await passwordMatches(verifier, `${password}x`)).toBe(false);
  });

  it('are stored by PostgreSQL as they are', async () => {
    const verifier = await scramVerifier('pencil');
    expect(await stored(verifier)).toBe(verifier);
  });

  it.each(['Grüße', 'I\u00adX', 'line\nfeed', ''])(
    'are refused for %j, which clients send in more than one way',
    async (password) => {
      await expect(scramVerifier(password)).rejects.toMatchObject({ code: 'password-not-ascii', kind: 'usage' });
    },
  );

  it('are compared whatever their iterations; an MD5 hash and no password at all are to be replaced', async () => {
    const slow = await scramVerifier('pencil', Buffer.alloc(16), 10_000);
    expect(await passwordMatches(slow, 'pencil')).toBe(true);
    await base.client.query("SET password_encryption = 'md5'");
    const md5 = await stored('pencil');
    await base.client.query('RESET password_encryption');
    expect(md5).toMatch(/^md5/);
    expect(await passwordMatches(md5, 'pencil')).toBe(false);
    expect(await passwordMatches(null, 'pencil')).toBe(false);
    expect(await passwordMatches('garbage', 'pencil')).toBe(false);
  });
});
