import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { MigrationReport, MigrationRequest } from '../../../postgres/apply/request';
import { askFunction, type FunctionPlace, type FunctionWatch, sendMigrations } from '../../../scripts/aws/function';
import { clientsOf } from '../../../scripts/aws/functionClients';
import { freePort } from '../../support/cluster';
import { type FakeLambda, startFakeLambda } from './fakeLambda';

const PLACE: FunctionPlace = { region: 'eu-west-1', functionName: 'coach-prod-migration', bucket: 'artifacts-1a2b3c4' };
const STATUS: MigrationRequest = { action: 'status' };
const REPORT: MigrationReport = {
  command: 'status',
  stack: 'prod',
  status: 'ok',
  startedAt: new Date(0).toISOString(),
  durationMs: 5,
  problems: [],
};
const ARCHIVE = { key: 'migrations/abc.json', sha256: 'abc', text: '{}' };
const containing = (text: string): string => expect.stringContaining(text) as string;

let fake: FakeLambda | undefined;
beforeEach(() => {
  for (const name of Object.keys(process.env).filter((one) => one.startsWith('AWS_'))) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nowhere/credentials');
  vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDTESTONLY');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'nobody’s');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fake?.stop();
  fake = undefined;
});

type Behaviours = Parameters<typeof startFakeLambda>;

async function outcome(
  work: (clients: Awaited<ReturnType<typeof clientsOf>>) => Promise<unknown>,
  behaviours: Behaviours,
  answerMs = 5_000,
): Promise<{ result?: unknown; error?: unknown }> {
  fake = await startFakeLambda(...behaviours);
  if (process.env['AWS_ENDPOINT_URL'] === undefined) vi.stubEnv('AWS_ENDPOINT_URL', fake.endpoint);
  const clients = await clientsOf(PLACE.region, answerMs);
  try {
    return { result: await work(clients) };
  } catch (error) {
    return { error };
  } finally {
    clients.lambda.destroy();
    clients.s3.destroy();
  }
}

const ask = (
  invoke: Behaviours[0],
  { answerMs, ...watch }: Partial<FunctionWatch> & { answerMs?: number } = {},
): Promise<{ result?: unknown; error?: unknown }> =>
  outcome(
    (clients) =>
      askFunction(clients, PLACE, STATUS, { signal: new AbortController().signal, pausesMs: [5, 5], ...watch }),
    [invoke],
    answerMs,
  );

const send = (put: Behaviours[1]): Promise<{ result?: unknown; error?: unknown }> =>
  outcome((clients) => sendMigrations(clients, PLACE, ARCHIVE), [() => ({}), put]);

describe('the migration function is asked', () => {
  it('and its report comes back as it is', async () => {
    const { result } = await ask(() => ({ payload: REPORT }));
    expect(result).toEqual(REPORT);
    expect(fake?.asked).toEqual([STATUS]);
  });

  it('again while it is at work for somebody else', async () => {
    const { result } = await ask((_, call) =>
      call < 3 ? { error: 'TooManyRequestsException', status: 429 } : { payload: REPORT },
    );
    expect(result).toEqual(REPORT);
    expect(fake?.asked).toHaveLength(3);
  });

  it('not for ever', async () => {
    const { error } = await ask(() => ({ error: 'TooManyRequestsException', status: 429, message: 'Rate Exceeded.' }));
    expect(fake?.asked).toHaveLength(3);
    expect(error).toMatchObject({
      code: 'function-busy',
      kind: 'locked',
      message: containing('Rate Exceeded.'),
      remedy: containing('aws logs tail /aws/lambda/coach-prod-migration'),
    });
  });

  it.each(['hang', 'cut'] as const)('once, where the answer never comes (%s): it may be at work', async (how) => {
    const { error } = await ask(() => how, { answerMs: 100 });
    expect(fake?.asked).toHaveLength(1);
    expect(error).toMatchObject({ code: 'function-unanswered', remedy: containing('deploy --dry-run') });
  });

  it('and goes on without whoever interrupted the command', async () => {
    const abort = new AbortController();
    const { error } = await ask(
      () => {
        setImmediate(() => abort.abort());
        return 'hang';
      },
      { signal: abort.signal },
    );
    expect(error).toMatchObject({ code: 'interrupted', kind: 'interrupted', remedy: containing('aws logs tail') });
  });

  it.each([
    [
      'its time was up',
      { errorType: 'Sandbox.Timedout', errorMessage: 'RequestId: 1 Error: Task timed out after 900.00 seconds' },
      { code: 'time-limit', remedy: containing('goes on from there') },
    ],
    [
      'it broke',
      { errorType: 'Runtime.ExitError', errorMessage: 'Runtime exited with error: signal: killed' },
      { code: 'function-failed', message: containing('signal: killed\nREPORT Max Memory Used: 512 MB') },
    ],
  ])('and says so where %s', async (_, payload, expected) => {
    const { error } = await ask(() => ({
      payload,
      functionError: 'Unhandled',
      log: 'REPORT Max Memory Used: 512 MB\n',
    }));
    expect(error).toMatchObject({ ...expected, object: PLACE.functionName });
  });

  it('and takes nothing else for a report', async () => {
    const { error } = await ask(() => ({ payload: { message: 'hello' } }));
    expect(error).toMatchObject({ code: 'function-failed', message: containing('hello') });
  });
});

describe('what Lambda answers instead', () => {
  it.each([
    ['ExpiredTokenException', 403, 'aws-credentials-expired', 'aws sso login'],
    ['UnrecognizedClientException', 403, 'aws-credentials-wrong', 'profile'],
    ['AccessDeniedException', 403, 'aws-access-denied', 'Allow lambda:InvokeFunction on it'],
    ['ResourceNotFoundException', 404, 'aws-missing', 'coach:aws.region'],
    ['KMSDisabledException', 502, 'aws-key-unusable', 'aws kms enable-key'],
    ['KMSAccessDeniedException', 502, 'aws-key-unusable', 'policy'],
    ['ServiceException', 500, 'aws-failed', 'preview'],
  ])('%s is said once, with what to do', async (error, status, code, remedy) => {
    const found = await ask(() => ({ error, status, message: 'in AWS’s words' }));
    expect(fake?.asked).toHaveLength(1);
    expect(found.error).toMatchObject({
      code,
      message: containing('lambda:InvokeFunction'),
      remedy: containing(remedy),
      object: PLACE.functionName,
    });
  });

  it('nothing: it cannot be reached', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL', `http://127.0.0.1:${await freePort()}`);
    const { error } = await ask(() => ({ payload: REPORT }));
    expect(error).toMatchObject({
      code: 'aws-unreachable',
      message: containing('ECONNREFUSED'),
      remedy: containing('AWS_ENDPOINT_URL'),
    });
  });

  it('nothing: nobody is logged in', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    const { error } = await ask(() => ({ payload: REPORT }));
    expect(fake?.asked).toEqual([]);
    expect(error).toMatchObject({ code: 'aws-no-credentials', remedy: containing('aws sso login') });
  });
});

describe('the archive of the migrations', () => {
  it('is put under its key, unless it is there', async () => {
    const expected = { key: ARCHIVE.key, sha256: ARCHIVE.sha256 };
    expect((await send(() => ({}))).result).toEqual(expected);
    expect(fake?.put).toEqual([{ path: `/${PLACE.bucket}/${ARCHIVE.key}`, text: '{}', ifNoneMatch: '*' }]);
    await fake?.stop();
    vi.stubEnv('AWS_ENDPOINT_URL', undefined);
    expect((await send(() => ({ error: 'PreconditionFailed', status: 412 }))).result).toEqual(expected);
  });

  it('is put again where S3 is busy', async () => {
    const { result } = await send((_, call) => (call === 1 ? { error: 'SlowDown', status: 503 } : {}));
    expect(result).toMatchObject({ key: ARCHIVE.key });
    expect(fake?.put).toHaveLength(2);
  });

  it.each([
    ['SlowDown', 503, 'aws-busy', 'in a minute'],
    ['ExpiredToken', 400, 'aws-credentials-expired', 'aws sso login'],
    ['AccessDenied', 403, 'aws-access-denied', 'Allow s3:PutObject on it'],
    ['NoSuchBucket', 404, 'aws-missing', 'npm run up'],
    ['KMS.DisabledException', 400, 'aws-key-unusable', 'aws kms enable-key'],
    ['PermanentRedirect', 301, 'aws-wrong-region', 'coach:aws.region'],
    ['AuthorizationHeaderMalformed', 400, 'aws-wrong-region', 'coach:aws.region'],
  ])('%s is said with what to do', { timeout: 60_000 }, async (error, status, code, remedy) => {
    const found = await send(() => ({ error, status }));
    expect(found.error).toMatchObject({
      code,
      message: containing('s3:PutObject'),
      remedy: containing(remedy),
      object: `s3://${PLACE.bucket}/${ARCHIVE.key}`,
    });
  });
});
