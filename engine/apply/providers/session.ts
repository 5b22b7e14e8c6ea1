import { resolve } from 'node:path';

import type { Client } from 'pg';

import { openClient } from '../../../postgres/connection/client';
import { SqlState } from '../../../postgres/connection/sqlstate';
import { type ConnectionTarget, SSL_MODES } from '../../../postgres/spec';
import { codeOf, PlatformError } from '../../../system/errors';
import type { Properties } from '../provider';
import type { Session } from './kind';

const SUPPORTED = [
  'host',
  'port',
  'database',
  'username',
  'password',
  'sslmode',
  'sslrootcert',
  'superuser',
  'connectTimeout',
  'expectedVersion',
  'maxConnections',
  'version',
];
const CONNECT_TIMEOUT_S = 180;

interface Access {
  target: ConnectionTarget;
  connectTimeoutMs: number;
  isSuperuser: boolean;
}

/** The provider resource's inputs, all scalars as text, with the real provider's defaults. Throws for what is not supported, by name. */
export function accessFrom(config: Properties, folder: string): Access {
  const foreign = Object.keys(config).find((key) => !SUPPORTED.includes(key) && !key.startsWith('__'));
  if (foreign !== undefined) {
    throw unsupported(
      foreign,
      `The embedded engine does not know the property ${foreign} of a postgresql provider.`,
      SUPPORTED,
    );
  }
  const read = (key: string, otherwise: string): string => {
    const value = config[key];
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    return typeof value === 'string' && value !== '' ? value : otherwise;
  };
  const wantedMode = read('sslmode', 'disable');
  const sslMode = SSL_MODES.find((mode) => mode === wantedMode);
  if (sslMode === undefined) {
    throw unsupported('sslmode', `The embedded engine does not connect with sslmode ${wantedMode}.`, SSL_MODES);
  }
  const caFile = read('sslrootcert', '');
  return {
    target: {
      host: read('host', '127.0.0.1'),
      port: Number(read('port', '5432')),
      database: read('database', 'postgres'),
      user: read('username', 'postgres'),
      password: read('password', ''),
      sslMode,
      ...(caFile === '' ? {} : { caFile: resolve(folder, caFile) }),
    },
    connectTimeoutMs: Number(read('connectTimeout', String(CONNECT_TIMEOUT_S))) * 1000,
    isSuperuser: read('superuser', 'true') === 'true',
  };
}

function unsupported(object: string, message: string, known: readonly string[]): PlatformError {
  return new PlatformError(
    'property-unsupported',
    message,
    `It knows ${known.join(', ')}; for everything else run with --engine pulumi.`,
    { kind: 'refused', object },
  );
}

/** Connections of one provider: opened when first needed, one for each database, kept until they are lost or closed. */
export class Connections implements Session {
  /** How many were lost: neither released nor closed from here. */
  lost = 0;
  private readonly open = new Map<string, Promise<Client>>();
  private known: Access | undefined;

  /** `config` may hold values that are only known after apply: it is looked at when a connection is needed. */
  constructor(
    private readonly config: Properties,
    private readonly folder: string,
  ) {}

  get database(): string {
    return this.access.target.database;
  }

  get isSuperuser(): boolean {
    return this.access.isSuperuser;
  }

  client(database = this.database): Promise<Client> {
    const open = this.open.get(database);
    if (open !== undefined) return open;
    const { target, connectTimeoutMs } = this.access;
    const ready = openClient({ ...target, database }, { connectTimeoutMs });
    const forget = (): void => {
      if (this.open.get(database) !== ready) return;
      this.open.delete(database);
      this.lost += 1;
    };
    ready.then((client) => client.on('error', forget), forget);
    this.open.set(database, ready);
    return ready;
  }

  async clientIfExists(database: string): Promise<Client | undefined> {
    try {
      return await this.client(database);
    } catch (error) {
      if (error instanceof PlatformError && codeOf(error.cause) === SqlState.invalidCatalogName) return undefined;
      throw error;
    }
  }

  async release(database: string): Promise<void> {
    const open = this.open.get(database);
    this.open.delete(database);
    await open?.then((client) => client.end()).catch(() => undefined);
  }

  targetOf(user: string, password: string): ConnectionTarget {
    return { ...this.access.target, user, password };
  }

  async close(): Promise<void> {
    await Promise.all([...this.open.keys()].map((database) => this.release(database)));
  }

  private get access(): Access {
    this.known ??= accessFrom(this.config, this.folder);
    return this.known;
  }
}
