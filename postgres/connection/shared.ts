import type { Client } from 'pg';

import type { ConnectionTarget } from '../spec';
import { type ConnectOptions, openClient } from './client';
import { pinSession } from './session';
import { withoutWaiting } from './waiting';

/** How long an idle connection is kept. Long enough for the next resource of a run, short enough to be in nobody's way. */
const IDLE_MS = 500;

interface Idle {
  client: Client;
  timer: NodeJS.Timeout;
}

const idle = new Map<string, Idle>();

/**
 * `withClient` for short reading work that many resources of one run do one after the other: a connection that is free is used
 * again, which saves the handshake. Nothing waits for a lock in silence. Each work starts with a clean session (DISCARD ALL after the one before).
 */
export async function withSharedClient<T>(
  target: ConnectionTarget,
  work: (client: Client) => Promise<T>,
  options: Omit<ConnectOptions, 'session'> = {},
): Promise<T> {
  const key = JSON.stringify(target);
  const client = take(key) ?? (await open(target, options, key));
  let result: T;
  try {
    result = await withoutWaiting(client, work);
    await client.query('DISCARD ALL');
    await pinSession(client, 'platform');
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  give(key, client);
  return result;
}

function take(key: string): Client | undefined {
  const free = idle.get(key);
  if (free === undefined) return undefined;
  idle.delete(key);
  clearTimeout(free.timer);
  return free.client;
}

function give(key: string, client: Client): void {
  const close = (): void => {
    if (idle.get(key)?.client === client) idle.delete(key);
    client.end().catch(() => undefined);
  };
  const other = take(key);
  other?.end().catch(() => undefined);
  idle.set(key, { client, timer: setTimeout(close, IDLE_MS) });
}

async function open(target: ConnectionTarget, options: ConnectOptions, key: string): Promise<Client> {
  const client = await openClient(target, options);
  client.on('error', () => {
    // The server ended it: never hand it out again.
    if (idle.get(key)?.client === client) take(key);
  });
  return client;
}
