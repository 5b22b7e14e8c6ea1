import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { freePort } from '../../support/cluster';
import { type Place, runFunction } from './lambda';

const closed = async (): Promise<Place> => {
  const [database, secretsManager, s3] = await Promise.all([freePort(), freePort(), freePort()]);
  return {
    host: '127.0.0.1',
    port: database,
    caFile: '/nowhere',
    secretsManager: `http://127.0.0.1:${secretsManager}`,
    s3: `http://127.0.0.1:${s3}`,
  };
};

describe('an endpoint that the function cannot reach', { timeout: 60_000 }, () => {
  it('is named with what lets the function through to it, all of them together', async () => {
    const place = await closed();
    const { report } = await runFunction({ action: 'status' }, place);
    expect(report).toMatchObject({ status: 'failed', problems: [{ code: 'endpoint-unreachable' }] });
    const [{ message = '', remedy = '' } = {}] = report?.problems ?? [];
    for (const [name, port] of [
      ['the database', String(place.port)],
      ['Secrets Manager', new URL(place.secretsManager).port],
      ['S3', new URL(place.s3).port],
    ] as const)
      expect(message).toMatch(new RegExp(`cannot reach ${name} at 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`));
    expect(remedy).toMatch(/security group.*interface endpoint for secretsmanager.*gateway endpoint of S3/s);
  });

  it('is given up after three seconds where nobody answers, and the others are still told apart', async () => {
    const silent = await startSilent();
    const others = createServer();
    const place = { ...(await closed()), port: silent.port };
    await new Promise<void>((resolve) => others.listen(Number(new URL(place.s3).port), '127.0.0.1', resolve));
    const { report } = await runFunction({ action: 'status' }, place);
    silent.stop();
    await close(others);
    expect(report?.['reached']).toMatchObject([
      { name: 'the database', reachable: false, reason: 'no answer in 3 s' },
      { name: 'Secrets Manager', reachable: false },
      { name: 'S3', reachable: true },
    ]);
  });
});

/** Listens and never takes a connection: as soon as a few wait, the next one gets no answer, as behind a security group. */
async function startSilent(): Promise<{ port: number; stop: () => void }> {
  const listen = `const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () =>
      process.send(server.address().port, () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)));`;
  const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const [port] = (await once(child, 'message')) as [number];
  const waiting = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  await once(waiting[0] as Socket, 'connect');
  return {
    port,
    stop: () => {
      child.kill('SIGKILL');
      for (const socket of waiting) socket.destroy();
    },
  };
}

const close = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));

describe('an event that is no request', { timeout: 60_000 }, () => {
  const spec = { name: 'x' };
  const migrations = { key: `migrations/${'a'.repeat(64)}.json`, sha256: 'a'.repeat(64) };
  it.each([
    ['nothing', null],
    ['a text', 'apply'],
    ['an unknown action', { action: 'drop' }],
    ['an action of every object', { action: 'constructor' }],
    ['a spec that is none', { action: 'apply', spec, migrations }],
    ['a key of another archive', { action: 'status', migrations }],
  ])('is refused without doing anything: %s', async (_, event) => {
    const { thrown, report, log } = await runFunction(event, await closed());
    const said = thrown ?? JSON.stringify(report?.problems);
    expect(said).toContain('request-malformed');
    expect(said).toContain('apply | deploy | status');
    expect(log.at(-1)).toMatchObject({ level: 'ERROR' });
  });
});
