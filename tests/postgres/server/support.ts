import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'vitest';

import type { InstallPlaces } from '../../../postgres/server/binaries';
import { type PlacedServer, placeServer, removeData, type ServerDeclaration } from '../../../postgres/server/server';
import { PlatformError } from '../../../system/errors';
import { embeddedBinaries, freePort, installedBinaries } from '../../support/cluster';

export const isRoot = process.getuid?.() === 0;

/** The binaries of this machine to test with: what `coachdb:server.binaries` says for them. */
export const CHOICES: { name: string; binaries: string }[] = [
  ...(installedBinaries() === undefined ? [] : [{ name: 'installed', binaries: installedBinaries() ?? '' }]),
  ...(embeddedBinaries() === undefined ? [] : [{ name: 'embedded', binaries: 'embedded' }]),
];

export const NOWHERE: InstallPlaces = { debian: [], homebrew: [] };

/** A folder every account may enter; `cleanUp` removes it. */
const folders: string[] = [];
export function folder(): string {
  const made = realpathSync(mkdtempSync(join(tmpdir(), 'coach-server-')));
  chmodSync(made, 0o755);
  folders.push(made);
  return made;
}

/** A checkout of its own, with the npm packages of this one. */
export function project(at = join(folder(), 'project')): string {
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), '{}');
  symlinkSync(join(__dirname, '../../../node_modules'), join(at, 'node_modules'));
  return at;
}

const started: PlacedServer[] = [];

export async function declaration(change: Partial<ServerDeclaration> = {}): Promise<ServerDeclaration> {
  const packageRoot = change.packageRoot ?? project();
  const home = join(packageRoot, '.coachdb', 'local');
  return {
    dataDirectory: join(home, 'data'),
    logDirectory: join(home, 'logs'),
    binaries: CHOICES[0]?.binaries ?? 'auto',
    host: '127.0.0.1',
    port: await freePort(),
    adminUser: 'postgres',
    adminPassword: 'first-secret',
    ...change,
    packageRoot,
    parameters: { shared_buffers: '16MB', max_connections: 20, fsync: 'off', ...change.parameters },
  };
}

/** Places a declaration as the handler does; what it starts is stopped and removed in the end. */
export function place(declared: ServerDeclaration, systemFolder = join(declared.packageRoot, 'system')): PlacedServer {
  const placed = placeServer(declared, {
    uid: process.getuid?.(),
    sudoUid: undefined,
    pathVariable: process.env.PATH ?? '',
    systemFolder,
  });
  started.push(placed);
  return placed;
}

export async function cleanUp(): Promise<void> {
  for (const { layout, layoutQuery, owned } of started.splice(0)) {
    if (statSync(layout.dataDirectory, { throwIfNoEntry: false }) === undefined) continue;
    await removeData(layout, layoutQuery.dataDirectory, owned);
  }
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
}

/** What pg_controldata, which npm's binaries lack, prints under a name. */
export function controlData(dataDirectory: string, name: string): unknown {
  const binaries = installedBinaries();
  if (binaries === undefined) return expect.stringMatching(/^\d{19}$/);
  const environment = { LC_ALL: 'C' };
  const text = execFileSync(join(binaries, 'pg_controldata'), [dataDirectory], { encoding: 'utf8', env: environment });
  return new RegExp(`${name}: +(.+)$`, 'm').exec(text)?.[1];
}

export async function problemOf(work: () => unknown): Promise<PlatformError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof PlatformError) return error;
    throw error;
  }
  throw new Error('Expected a PlatformError, and nothing was thrown.');
}
