import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

import { expect, it } from 'vitest';

import { accountName } from '../../../postgres/server/account';
import { findFreePort, portOwner, requireFreePort } from '../../../postgres/server/port';
import { freePort } from '../../support/cluster';
import { problemOf } from './support';

it('names process, user and command line of whoever has the port', async () => {
  const port = await freePort();
  const script = `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('listening'))`;
  const child = spawn(process.execPath, ['-e', script, 'the-occupant'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const owner = portOwner(port);
    expect(owner).toMatchObject({ pid: child.pid, user: accountName(process.getuid?.() ?? -1) });
    expect(owner?.command).toContain('the-occupant');
    const error = await problemOf(() => requireFreePort(port));
    expect(error.code).toBe('port-taken');
    expect(error.message).toContain(`Port ${port} on 127.0.0.1 is taken by process ${child.pid} of`);
    expect(error.message).toContain(process.execPath);
    expect(error.remedy).toContain('coach:server.port set to auto');
    expect(error.remedy).not.toMatch(/kill/i);
  } finally {
    child.kill();
  }
});

it('finds a free port beside taken ones, also those on every address', async () => {
  const port = await freePort();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '0.0.0.0', resolve));
  try {
    expect(await findFreePort(port, port + 20)).toBeGreaterThan(port);
    expect(portOwner(port)?.pid).toBe(process.pid);
    expect((await problemOf(() => findFreePort(port, port))).code).toBe('no-free-port');
  } finally {
    other.close();
  }
  await requireFreePort(port);
});

it('does not take another run’s probe of the port for a server', async () => {
  const port = await freePort();
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(port, '127.0.0.1', resolve));
  setTimeout(() => probe.close(), 60);
  await requireFreePort(port);
  expect(probe.listening).toBe(false);
});
