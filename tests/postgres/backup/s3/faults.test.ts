import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { BucketOptions } from '../../../../postgres/backup/s3/bucket';
import type { S3Settings } from '../../../../postgres/backup/s3/settings';
import { openStore, type S3Store } from '../../../../postgres/backup/s3/store';
import { PlatformError } from '../../../../system/errors';
import { ACCESS_KEY, SECRET_KEY } from './emulators';
import { type FakeS3, startFakeS3 } from './fakeS3';
import { type Fault, FaultProxy, type Seen } from './faultProxy';
import { makeBackup, MEBIBYTE, settingsOf, setVariables, STACK, useTestCredentials } from './fixtures';

const FILES = { 'dump/toc.dat': 4000, 'dump/big.dat': 5 * MEBIBYTE + 1000, 'dump/small.dat': 70_000 };
const BUCKET = 'backups';

useTestCredentials();

let fake: FakeS3;
let proxy: FaultProxy;

beforeAll(async () => {
  fake = await startFakeS3();
  proxy = await new FaultProxy(fake.endpoint).listen();
});
afterAll(async () => {
  await proxy.stop();
  await fake.stop();
});
beforeEach(() => {
  fake.buckets.set(BUCKET, new Map());
  fake.conditions = true;
  fake.pageSize = 1000;
  proxy.seen.length = 0;
  proxy.fault = () => undefined;
});

const open = (options: BucketOptions = {}, more: Partial<S3Settings> = {}): Promise<S3Store> =>
  openStore(settingsOf(proxy.endpoint, BUCKET, more), STACK, { attempts: 4, ...options });
const emptyFolder = (): string => mkdtempSync(join(tmpdir(), 'coach-restored-'));

const isPart = ({ method, path }: Seen): boolean => method === 'PUT' && path.includes('partNumber=');
const isFile = ({ method, path }: Seen): boolean => method === 'PUT' && path.includes('small.dat');
const isManifest = ({ method, path }: Seen): boolean => method === 'PUT' && path.includes('manifest.json');
const isComplete = ({ method, path }: Seen): boolean => method === 'POST' && path.includes('uploadId=');
const isBegin = ({ method, path }: Seen): boolean => method === 'POST' && path.includes('uploads');
const isRead = ({ method, path }: Seen): boolean => method === 'GET' && path.includes('dump/');

const PASSING: Record<string, Fault> = {
  'error 500': { answer: 500, code: 'InternalError' },
  'error 503': { answer: 503, code: 'ServiceUnavailable' },
  '503 SlowDown': { answer: 503, code: 'SlowDown' },
  'a reset before the first byte': { resetAfter: 0 },
  'a reset in the middle': { resetAfter: 2000 },
  'a lost answer': { loseAnswer: true },
  'a flipped bit': { flip: 'request' },
  'no answer': { hang: 0 },
};
const REQUESTS = { part: isPart, file: isFile, manifest: isManifest, 'end of an upload': isComplete, begin: isBegin };

const unfinished = async (): Promise<number> =>
  (await (await fetch(`${fake.endpoint}/${BUCKET}?uploads`)).text()).split('<Upload>').length - 1;

describe('an upload', () => {
  const cases = Object.entries(PASSING).flatMap(([fault]) =>
    Object.keys(REQUESTS).map((what) => [fault, what] as const),
  );

  it.each(cases)('comes through %s of a request for a %s, and is whole', async (name, what) => {
    const fault = PASSING[name];
    const fits = REQUESTS[what as keyof typeof REQUESTS];
    // A bodiless request has no bit to flip.
    if (fault === undefined || (what === 'begin' && 'flip' in fault)) return;
    const store = await open({ idleTimeoutMs: 500 });
    const { folder, manifest } = makeBackup(FILES);
    const done = proxy.spoil(1, fits, fault);
    await store.upload(folder, manifest);
    expect(done()).toBe(1);
    proxy.fault = () => undefined;
    expect(await store.verify(manifest.id)).toEqual({ manifest, findings: [] });
    expect(await unfinished()).toBe(0);
    store.close();
  });

  it('sends a part that broke off again, and no other one', async () => {
    const store = await open();
    const { folder, manifest } = makeBackup({ 'dump/big.dat': 20 * MEBIBYTE });
    proxy.spoil(1, ({ path }) => path.includes('partNumber=2'), { resetAfter: MEBIBYTE });
    await store.upload(folder, manifest);
    const sent = proxy.seen.filter(isPart).map(({ path }) => /partNumber=(\d)/.exec(path)?.[1]);
    expect(sent.sort()).toEqual(['1', '2', '2', '3', '4']);
  });

  const FAILING: [string, Fault, string][] = [
    ['SlowDown for good', { answer: 503, code: 'SlowDown' }, 's3-busy'],
    ['500 for good', { answer: 500, code: 'InternalError' }, 's3-failed'],
    ['resets for good', { resetAfter: 100 }, 's3-connection'],
    ['no answer for good', { hang: 0 }, 's3-connection'],
    ['flipped bits for good', { flip: 'request' }, 's3-corrupted'],
    ['an expired token', { answer: 400, code: 'ExpiredToken' }, 's3-credentials-expired'],
    ['an unknown key', { answer: 403, code: 'InvalidAccessKeyId' }, 's3-credentials-wrong'],
    ['a wrong secret', { answer: 403, code: 'SignatureDoesNotMatch' }, 's3-credentials-wrong'],
    ['a policy that reads alone', { answer: 403, code: 'AccessDenied' }, 's3-access-denied'],
    ['a disabled key', { answer: 400, code: 'KMS.DisabledException' }, 's3-kms'],
    ['a clock that is wrong', { answer: 403, code: 'RequestTimeTooSkewed' }, 's3-clock'],
    ['a bucket that is gone', { answer: 404, code: 'NoSuchBucket' }, 's3-bucket-missing'],
    ['an endpoint without parts', { answer: 501, code: 'NotImplemented' }, 's3-not-supported'],
    [
      'another region',
      { answer: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-west-3' } },
      's3-wrong-region',
    ],
  ];

  it.each(FAILING)('that meets %s fails with one problem and leaves nothing', async (_, fault, code) => {
    const store = await open({ attempts: 2, idleTimeoutMs: 300 });
    for (const fits of [isPart, isFile, isBegin]) {
      fake.buckets.set(BUCKET, new Map());
      const { folder, manifest } = makeBackup(FILES);
      proxy.spoil(Infinity, fits, 'flip' in fault && fits === isBegin ? { answer: 400, code: 'BadDigest' } : fault);
      const failure = await store.upload(folder, manifest).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(PlatformError);
      expect(failure).toMatchObject({ code, kind: 'failed' });
      expect((failure as PlatformError).remedy).not.toBe('');
      proxy.fault = () => undefined;
      expect((await store.list()).filter(({ state }) => state !== 'incomplete')).toEqual([]);
      expect(await unfinished()).toBe(0);
    }
    store.close();
  });

  it('names the action that is denied, and the region that would be right', async () => {
    const store = await open();
    const { folder, manifest } = makeBackup();
    proxy.spoil(Infinity, ({ method }) => method === 'PUT', { answer: 403, code: 'AccessDenied' });
    await expect(store.upload(folder, manifest)).rejects.toThrow(/^s3:PutObject on s3:\/\/backups\/local\/daily\//);
    const headers = { 'x-amz-bucket-region': 'eu-west-3' };
    proxy.spoil(Infinity, () => true, { answer: 301, code: 'PermanentRedirect', headers });
    await expect(store.list()).rejects.toMatchObject({ remedy: 'Set coach:backup.s3.region to eu-west-3.' });
  });

  it('goes to endpoints without conditions, and writes over nothing there either', async () => {
    for (const how of ['501', '400'] as const) {
      fake.conditions = how !== '501';
      if (how === '400')
        proxy.fault = ({ headers }) =>
          headers['if-none-match'] === undefined ? undefined : { answer: 400, code: 'InvalidArgument' };
      const store = await open();
      const { folder, manifest } = makeBackup();
      await store.upload(folder, manifest);
      const again = makeBackup({ 'dump/toc.dat': 10 }, { id: manifest.id });
      await expect(store.upload(again.folder, again.manifest)).rejects.toMatchObject({ code: 's3-exists' });
      const [entry] = (await store.list()).filter(({ id }) => id === manifest.id);
      if (entry === undefined) throw new Error('not listed');
      expect(entry.state).toBe('good');
      expect(await store.remove(entry)).toMatchObject({ outcome: 'removed' });
    }
  });

  it('sends no more parts at once than are allowed', async () => {
    const store = await open({}, { concurrency: 2 });
    let [now, most] = [0, 0];
    const pass = Object.getPrototypeOf(proxy) as { send: (seen: Seen, body: Buffer) => Promise<unknown> };
    const send = pass.send;
    pass.send = async function (this: FaultProxy, seen, body) {
      most = Math.max(most, (now += isPart(seen) || isFile(seen) ? 1 : 0));
      await new Promise((resolve) => setTimeout(resolve, 20));
      try {
        return await send.call(this, seen, body);
      } finally {
        now -= isPart(seen) || isFile(seen) ? 1 : 0;
      }
    };
    try {
      const { folder, manifest } = makeBackup({ ...FILES, 'dump/other.dat': 12 * MEBIBYTE });
      await store.upload(folder, manifest);
    } finally {
      pass.send = send;
    }
    expect(most).toBe(2);
  });

  it('encrypts and stores as the settings say, the manifest as STANDARD', async () => {
    const store = await open({}, { kmsKeyId: 'alias/backups', storageClass: 'STANDARD_IA' });
    const { folder, manifest } = makeBackup(FILES);
    await store.upload(folder, manifest);
    const sent = proxy.seen.filter((seen) => isFile(seen) || isBegin(seen) || isManifest(seen));
    expect(sent.length).toBe(3);
    for (const { headers } of sent)
      expect(headers).toMatchObject({
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'alias/backups',
        'x-amz-server-side-encryption-bucket-key-enabled': 'true',
      });
    expect(sent.map((seen) => [isManifest(seen), seen.headers['x-amz-storage-class']]).sort()).toEqual([
      [false, 'STANDARD_IA'],
      [false, 'STANDARD_IA'],
      [true, undefined],
    ]);
  });
});

describe('a download', () => {
  it.each<[string, Fault]>([
    ['error 500', { answer: 500, code: 'InternalError' }],
    ['503 SlowDown', { answer: 503, code: 'SlowDown' }],
    ['an answer that is cut', { cutAnswer: 30_000 }],
    ['an answer that stands still', { hang: 30_000 }],
    ['no answer', { hang: 0 }],
    ['a slow answer', { trickle: 20_000, pauseMs: 20 }],
    ['a lost answer', { loseAnswer: true }],
    ['a flipped bit', { flip: 'response' }],
  ])('comes through %s and is byte for byte', async (_, fault) => {
    const store = await open({ idleTimeoutMs: 400 });
    const { folder, manifest, contents } = makeBackup({ 'dump/toc.dat': 4000, 'dump/data.dat': 200_000 });
    await store.upload(folder, manifest);
    const done = proxy.spoil(2, ({ path }) => path.includes('data.dat'), fault);
    const { folder: target } = await store.download(manifest.id, emptyFolder()).catch((error: unknown) => {
      // Two flipped bits in a row are one too many.
      if (!('flip' in fault)) throw error;
      expect(error).toMatchObject({ code: 's3-corrupted', object: 'dump/data.dat' });
      return store.download(manifest.id, emptyFolder());
    });
    expect(done()).toBeGreaterThan(0);
    for (const [path, bytes] of contents) expect(readFileSync(join(target, path)).equals(bytes), path).toBe(true);
  });

  it('goes on from the byte where it broke off, of the same object', async () => {
    const store = await open();
    const { folder, manifest } = makeBackup({ 'dump/data.dat': 200_000 });
    await store.upload(folder, manifest);
    proxy.seen.length = 0;
    proxy.spoil(1, isRead, { cutAnswer: 120_000 });
    await store.download(manifest.id, emptyFolder());
    const [first, second, ...more] = proxy.seen.filter(isRead).map(({ headers }) => headers);
    expect(more).toEqual([]);
    expect([first?.range, first?.['if-match']]).toEqual([undefined, undefined]);
    expect(Number(/^bytes=(\d+)-$/.exec(second?.range ?? '')?.[1])).toBeGreaterThan(0);
    expect(second?.['if-match']).toMatch(/^"/);
  });

  it('that fails leaves no backup, and the next one brings it', async () => {
    const store = await open({ attempts: 2, idleTimeoutMs: 300 });
    const { folder, manifest } = makeBackup(FILES);
    await store.upload(folder, manifest);
    const target = emptyFolder();
    for (const fault of [{ cutAnswer: 0 }, { hang: 0 }, { answer: 503, code: 'SlowDown' }] satisfies Fault[]) {
      proxy.spoil(Infinity, isRead, fault);
      await expect(store.download(manifest.id, target)).rejects.toBeInstanceOf(PlatformError);
      expect(readdirSync(target)).toEqual([`.partial-${manifest.id}`]);
      await expect(store.verify(manifest.id)).rejects.toBeInstanceOf(PlatformError);
    }
    proxy.fault = () => undefined;
    await store.download(manifest.id, target);
    expect(readdirSync(target)).toEqual([manifest.id]);
  });

  it('that is stopped leaves no backup', async () => {
    const store = await open();
    const { folder, manifest } = makeBackup(FILES);
    await store.upload(folder, manifest);
    const stop = new AbortController();
    const target = emptyFolder();
    proxy.fault = (seen) => (isRead(seen) ? { trickle: 1000, pauseMs: 10 } : undefined);
    const download = store.download(manifest.id, target, { signal: stop.signal });
    setTimeout(() => stop.abort(), 200);
    await expect(download).rejects.toMatchObject({ code: 'interrupted', kind: 'interrupted' });
    expect(readdirSync(target)).toEqual([`.partial-${manifest.id}`]);
  });
});

describe('a list', () => {
  it('reads on where the service gives it in pages', async () => {
    const store = await open();
    const made = [
      makeBackup(),
      makeBackup(undefined, { generation: 'weekly' }),
      makeBackup(undefined, { generation: 'monthly' }),
    ];
    for (const { folder, manifest } of made) await store.upload(folder, manifest);
    fake.pageSize = 2;
    expect((await store.list()).map(({ id, generation, problems }) => [id, generation, problems])).toEqual(
      made.map(({ manifest: { id, generation } }) => [id, generation, []]),
    );
  });

  it('that is refused fails rather than showing less', async () => {
    const store = await open();
    const { folder, manifest } = makeBackup();
    await store.upload(folder, manifest);
    proxy.spoil(Infinity, ({ method, path }) => method === 'GET' && path.includes('manifest.json'), {
      answer: 403,
      code: 'AccessDenied',
    });
    await expect(store.list()).rejects.toMatchObject({ code: 's3-access-denied' });
  });
});

describe('credentials', () => {
  const NONE = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };
  const WITH = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_SESSION_TOKEN: undefined };

  it('that are nowhere to be found are one clear problem', async () => {
    setVariables(Object.entries(NONE));
    try {
      const store = await open();
      await expect(store.list()).rejects.toMatchObject({ code: 's3-no-credentials' });
    } finally {
      setVariables(Object.entries(WITH));
    }
  });

  it('are in no message, cause or dump of an error, also where the service repeats them', async () => {
    const token = 'session-token-of-nobody';
    setVariables([['AWS_SESSION_TOKEN', token]]);
    try {
      const store = await open({ attempts: 1 });
      const { folder, manifest } = makeBackup();
      const said = `${ACCESS_KEY} ${SECRET_KEY} ${token} https://x/?X-Amz-Signature=abcdef0123&amp;X-Amz-Credential=cred0123`;
      for (const code of [
        'AccessDenied',
        'SignatureDoesNotMatch',
        'SomethingNew',
        'KMS.NotFoundException',
        'SlowDown',
      ]) {
        // What the proxy says, a service says too.
        proxy.spoil(Infinity, () => true, { answer: 403, code, message: said });
        const works = [
          () => store.list(),
          () => store.upload(folder, manifest),
          () => store.download(manifest.id, emptyFolder()),
        ];
        for (const work of works) {
          const error: unknown = await work().catch((failure: unknown) => failure);
          expect(error).toBeInstanceOf(PlatformError);
          const all = inspect(error, { depth: 20, showHidden: true });
          for (const secret of [ACCESS_KEY, SECRET_KEY, token, 'abcdef0123', 'cred0123', 'Authorization'])
            expect(all, code).not.toContain(secret);
        }
      }
    } finally {
      setVariables(Object.entries(WITH));
    }
  });
});

describe('an endpoint', () => {
  it('that is not there is named', async () => {
    const port = await new Promise<number>((resolve) => {
      const probe = createServer();
      probe.listen(0, '127.0.0.1', () => {
        const address = probe.address() as { port: number };
        probe.close(() => resolve(address.port));
      });
    });
    const store = await openStore(settingsOf(`http://127.0.0.1:${port}`, BUCKET), STACK, { attempts: 2 });
    await expect(store.list()).rejects.toMatchObject({
      code: 's3-unreachable',
      message: `http://127.0.0.1:${port} cannot be reached (ECONNREFUSED).`,
    });
  });
});
