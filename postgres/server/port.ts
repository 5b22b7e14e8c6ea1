import { createServer } from 'node:net';

import { codeOf, PlatformError } from '../../system/errors';
import { type PortOwner, portOwner } from './portOwner';

export { type PortOwner, portOwner } from './portOwner';

const FIRST = 5432;
const LAST = 5532;

/** The first free loopback port from 5432 on. */
export async function findFreePort(first = FIRST, last = LAST): Promise<number> {
  for (let port = first; port <= last; port += 1) if (await isFree(port)) return port;
  throw new PlatformError(
    'no-free-port',
    `Every port from ${first} to ${last} is taken on 127.0.0.1.`,
    'Set coach:server.port to a free one.',
  );
}

export async function isFree(port: number): Promise<boolean> {
  return (await probePort(port)) === 'free';
}

/** `forbidden`: below 1024, where this system lets only root listen. */
export function probePort(port: number): Promise<'free' | 'taken' | 'forbidden'> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => resolve(codeOf(error) === 'EACCES' ? 'forbidden' : 'taken'));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve('free')));
  });
}

/** How long a port may stay taken: another run's probe holds it for a moment. */
const MOMENT_MS = 200;

/** Throws `port-taken` naming who has it. */
export async function requireFreePort(port: number): Promise<void> {
  const deadline = Date.now() + MOMENT_MS;
  let found = await probePort(port);
  while (found === 'taken' && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, MOMENT_MS / 10));
    found = await probePort(port);
  }
  if (found === 'free') return;
  if (found === 'taken') throw portTaken(port, portOwner(port));
  throw new PlatformError(
    'port-forbidden',
    `Port ${port} may only be used by root, and PostgreSQL does not run as root.`,
    'Set coach:server.port to one above 1023.',
    { kind: 'usage', object: String(port) },
  );
}

export function portTaken(port: number, owner: PortOwner | undefined): PlatformError {
  const who =
    owner === undefined
      ? 'a process of another user'
      : `process ${owner.pid} of ${owner.user} (${owner.command.slice(0, 120)})`;
  return new PlatformError(
    'port-taken',
    `Port ${port} on 127.0.0.1 is taken by ${who}, and the server of this stack needs it.`,
    'Run `npm start` with coach:server.port set to auto, which takes another one, or to a free port. What listens there is not this stack’s.',
    { object: String(port) },
  );
}
