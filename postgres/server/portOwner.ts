import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { accountName } from './account';
import { ask } from './ask';

/** Who listens on a port. */
export interface PortOwner {
  pid: number;
  user: string;
  /** The whole command line. */
  command: string;
}

/**
 * Who listens on a local port, from /proc or (macOS) lsof; undefined where the system does not tell, which it does not for
 * processes of others when an ordinary user asks.
 */
export function portOwner(port: number): PortOwner | undefined {
  return existsSync('/proc/net/tcp') ? ownerFromProc(port) : ownerFromLsof(port);
}

function ownerFromProc(port: number): PortOwner | undefined {
  const inodes = new Set([...listening('/proc/net/tcp', port), ...listening('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (!holds(pid, inodes)) continue;
    const command = (readText(`/proc/${pid}/cmdline`) ?? '').replaceAll('\0', ' ').trim();
    const uid = Number(/^Uid:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`) ?? '')?.[1] ?? -1);
    return { pid: Number(pid), user: accountName(uid), command };
  }
  return undefined;
}

/** Inodes of the sockets in state LISTEN (0A) on that port. */
function listening(table: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return (readText(table) ?? '')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === '0A')
    .flatMap((fields) => fields[9] ?? []);
}

function holds(pid: string, inodes: ReadonlySet<string>): boolean {
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    // Gone meanwhile, or somebody else's and not ours to look into.
    return false;
  }
  return descriptors.some((descriptor) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
      return inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '');
    } catch {
      return false;
    }
  });
}

function ownerFromLsof(port: number): PortOwner | undefined {
  const printed = ask('lsof', ['-nP', '-FpL', `-iTCP:${port}`, '-sTCP:LISTEN']) ?? '';
  const pid = /^p(\d+)$/m.exec(printed)?.[1];
  if (pid === undefined) return undefined;
  const command = ask('ps', ['-o', 'command=', '-p', pid]) ?? '';
  return { pid: Number(pid), user: /^L(.+)$/m.exec(printed)?.[1] ?? '', command };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
