import { randomBytes } from 'node:crypto';

import type { Client } from 'pg';

import { quoteIdentifier } from '../../../postgres/connection/quote';
import { PlatformError } from '../../../system/errors';

/** Roles are the whole server's: each test file has its own, and drops them. */
export class TestRoles {
  readonly suffix = randomBytes(4).toString('hex');
  private readonly names: string[] = [];

  /** A name nobody else uses, to be dropped at the end. */
  name(base: string): string {
    const name = `${base}_${this.suffix}`;
    this.names.push(name);
    return name;
  }

  /** The same, made to be exactly 63 bytes long. */
  longest(base: string): string {
    const name = `${base}${'x'.repeat(63 - Buffer.byteLength(base) - 9)}_${this.suffix}`;
    this.names.push(name);
    return name;
  }

  async make(client: Client, base: string, options = ''): Promise<string> {
    const name = this.name(base);
    await client.query(`CREATE ROLE ${quoteIdentifier(name)} ${options}`);
    return name;
  }

  /** `client` is connected to the database that objects were made in. */
  async drop(client: Client): Promise<void> {
    const { rows } = await client.query<{ name: string }>(
      'SELECT rolname AS name FROM pg_roles WHERE rolname = ANY ($1) OR position($2 in rolname) > 0',
      [this.names, this.suffix],
    );
    for (const { name } of rows) await client.query(`DROP OWNED BY ${quoteIdentifier(name)} CASCADE`);
    for (const { name } of rows) await client.query(`DROP ROLE ${quoteIdentifier(name)}`);
  }
}

/** The PlatformError that was thrown; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<PlatformError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error('It should have failed.');
}
