import { Client } from 'pg';

import { clientConfig, connectError } from '../../../postgres/connection/client';
import { PlatformError } from '../../../postgres/errors';
import type { ConnectionTarget } from '../../../postgres/spec';
import type { CheckResult, DiffResult, Properties, ResourceProvider } from '../provider';
import { database } from './database';
import { extension } from './extension';
import { defaultPrivileges, grant } from './grants';
import { type Kind, sameSet, type Session } from './kind';
import { role } from './role';

const KINDS: Record<string, Kind> = {
  'postgresql:index/role:Role': role,
  'postgresql:index/database:Database': database,
  'postgresql:index/extension:Extension': extension,
  'postgresql:index/grant:Grant': grant,
  'postgresql:index/defaultPrivileges:DefaultPrivileges': defaultPrivileges,
};

/** Inputs of the bridge, not of the resource. */
const BRIDGE = new Set(['__defaults']);

/**
 * Stand-in for Pulumi's postgresql provider in the local stack: the same property names, ids and defaults, so that either
 * engine goes on from what the other one wrote. `config` is the provider resource's, all scalars as text.
 */
export function createPostgresqlProvider(config: Properties): ResourceProvider {
  return new PostgresqlProvider(targetFrom(config));
}

function targetFrom(config: Properties): ConnectionTarget {
  const read = (key: string, otherwise: string): string => {
    const value = config[key];
    return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : otherwise;
  };
  const sslMode = read('sslmode', 'disable');
  return {
    host: read('host', '127.0.0.1'),
    port: Number(read('port', '5432')),
    database: read('database', 'postgres'),
    user: read('username', 'postgres'),
    password: read('password', ''),
    sslMode: sslMode === 'verify-full' || sslMode === 'require' ? sslMode : 'disable',
  };
}

class PostgresqlProvider implements ResourceProvider, Session {
  private readonly clients = new Map<string, Promise<Client>>();

  constructor(private readonly target: ConnectionTarget) {}

  check(type: string, _olds: Properties | undefined, news: Properties): Promise<CheckResult> {
    const kind = kindOf(type);
    const failures = Object.keys(news)
      .filter((key) => !kind.inputs.includes(key) && !BRIDGE.has(key))
      .map((property) => ({
        property,
        reason: `the embedded engine does not apply this property of ${type}; it applies ${kind.inputs.join(', ')}`,
      }));
    return Promise.resolve({ inputs: news, failures });
  }

  diff(type: string, _id: string, olds: Properties, oldInputs: Properties, news: Properties): Promise<DiffResult> {
    const kind = kindOf(type);
    const removed = Object.keys(oldInputs).filter((key) => !(key in news));
    const keys = [...new Set([...Object.keys(news), ...removed])].filter((key) => !BRIDGE.has(key));
    const changed = keys.filter((key) => {
      if (!(key in news) && !(key in kind.defaults)) return false;
      return !sameSet(news[key] ?? kind.defaults[key], olds[key]);
    });
    return Promise.resolve({ changed, replaces: changed.filter((key) => kind.replaces.includes(key)) });
  }

  async create(type: string, inputs: Properties): Promise<{ id: string; outputs: Properties }> {
    const kind = kindOf(type);
    const id = kind.id(inputs);
    const outputs = await this.settled(kind, inputs, id);
    return { id, outputs };
  }

  async read(type: string, id: string, outputs: Properties): Promise<{ id: string; outputs: Properties } | undefined> {
    const found = await kindOf(type).read(this, outputs);
    return found === undefined ? undefined : { id, outputs: { ...found, id } };
  }

  async update(
    type: string,
    id: string,
    _olds: Properties,
    _oldInputs: Properties,
    news: Properties,
  ): Promise<{ outputs: Properties }> {
    return { outputs: await this.settled(kindOf(type), news, id) };
  }

  async delete(type: string, _id: string, outputs: Properties): Promise<void> {
    await kindOf(type).remove(this, outputs);
  }

  async close(): Promise<void> {
    const clients = [...this.clients.values()];
    this.clients.clear();
    for (const client of clients) await client.then((open) => open.end()).catch(() => undefined);
  }

  client(name = this.target.database): Promise<Client> {
    const known = this.clients.get(name);
    if (known !== undefined) return known;
    const opening = open({ ...this.target, database: name });
    this.clients.set(name, opening);
    opening.catch(() => this.clients.delete(name));
    return opening;
  }

  targetOf(user: string, password: string): ConnectionTarget {
    return { ...this.target, user, password };
  }

  /** Makes it so, and reads it back: what the server says is what the state holds. */
  private async settled(kind: Kind, inputs: Properties, id: string): Promise<Properties> {
    const full = { ...kind.defaults, ...inputs };
    await kind.ensure(this, full);
    return { ...((await kind.read(this, full)) ?? full), id };
  }
}

function kindOf(type: string): Kind {
  const kind = KINDS[type];
  if (kind !== undefined) return kind;
  throw new PlatformError(
    'type-unsupported',
    `The embedded engine does not apply resources of type ${type}.`,
    `It applies ${Object.keys(KINDS).join(', ')}; for everything else run with --engine pulumi.`,
    { kind: 'refused', object: type },
  );
}

async function open(target: ConnectionTarget): Promise<Client> {
  const client = new Client(clientConfig(target));
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw connectError(target, error);
  }
}
