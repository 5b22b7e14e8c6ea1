import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

import { PlatformError } from '../errors';
import { accountName } from './account';

export interface PortOwner {
  pid: number;
  user: string;
  command: string;
}

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

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** Who listens on a port, as far as this system tells (Linux: /proc). */
export function portOwner(port: number): PortOwner | undefined {
  const inodes = new Set([...listening('/proc/net/tcp', port), ...listening('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!holds(pid, inodes)) continue;
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? -1);
    return { pid: Number(pid), user: accountName(uid), command };
  }
  return undefined;
}

function listening(table: string, port: number): string[] {
  let text: string;
  try {
    text = readFileSync(table, 'utf8');
  } catch {
    return [];
  }
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === '0A')
    .flatMap((fields) => fields[9] ?? []);
}

function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => {
      const target = linkOf(`/proc/${pid}/fd/${descriptor}`);
      return target !== undefined && inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '');
    });
  } catch {
    // Gone meanwhile, or somebody else's and not ours to look into.
    return false;
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

export function portTaken(port: number): PlatformError {
  const owner = portOwner(port);
  const who =
    owner === undefined ? 'another process' : `process ${owner.pid} of ${owner.user} (${owner.command.slice(0, 120)})`;
  return new PlatformError(
    'port-taken',
    `Port ${port} on 127.0.0.1 is taken by ${who}, and the server of this stack needs it.`,
    'Stop that process, or set coach:server.port to a free port.',
    { object: String(port) },
  );
}
