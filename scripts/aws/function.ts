import { setTimeout as pause } from 'node:timers/promises';

import type { InvocationResponse, Lambda } from '@aws-sdk/client-lambda';
import type { S3 } from '@aws-sdk/client-s3';

import type { MigrationReport, MigrationRequest, SentMigrations } from '../../postgres/apply/request';
import type { MigrationArchive } from '../../postgres/migrations/archive';
import { PlatformError } from '../../system/errors';
import { awsFailure } from './failure';
import { busy, endedWithoutReport, leftRunning, unanswered } from './functionFailure';

/** What `up` hands out of the migration function. */
export interface FunctionPlace {
  region: string;
  functionName: string;
  /** Of the migrations' archives. */
  bucket: string;
}

export interface FunctionClients {
  lambda: Lambda;
  s3: S3;
}

export interface FunctionWatch {
  signal: AbortSignal;
  /** Before it is asked again while it is at work for somebody else. */
  pausesMs?: readonly number[];
}

const PAUSES_MS = [1_000, 2_000, 4_000, 8_000];

/** Longer than Lambda lets anything run. */
export const ANSWER_MS = 910_000;

/** Invokes the function and waits for its report, or throws an error that says why there is none. */
export async function askFunction(
  { lambda }: Pick<FunctionClients, 'lambda'>,
  place: FunctionPlace,
  request: MigrationRequest,
  watch: FunctionWatch,
): Promise<MigrationReport> {
  const { FunctionError, Payload, LogResult = '' } = await invoke(lambda, place, request, watch);
  const text = Buffer.from(Payload ?? []).toString();
  const parsed = parse(text);
  if (FunctionError === undefined && isReport(parsed)) return parsed;
  throw endedWithoutReport(place, parsed ?? text, Buffer.from(LogResult, 'base64').toString());
}

/** A request that Lambda turned away did not run; any other one may have, and is not sent again. */
async function invoke(
  lambda: Lambda,
  place: FunctionPlace,
  request: MigrationRequest,
  { signal, pausesMs = PAUSES_MS }: FunctionWatch,
): Promise<InvocationResponse> {
  const { functionName } = place;
  const input = { FunctionName: functionName, LogType: 'Tail', Payload: JSON.stringify(request) } as const;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await lambda.invoke(input, { abortSignal: signal });
    } catch (error) {
      if (signal.aborted) throw leftRunning(place);
      const failure = awsFailure(error, { action: 'lambda:InvokeFunction', object: functionName });
      if (!(failure instanceof PlatformError)) throw failure;
      if (isCut(error)) throw unanswered(place, failure);
      if (failure.code !== 'aws-busy') throw failure;
      const delay = pausesMs[attempt];
      if (delay === undefined) throw busy(place, failure);
      await pause(delay, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** The connection was there and went, or nothing came over it. */
const isCut = (error: unknown): boolean =>
  error instanceof Error && [error.name, 'code' in error && error.code].some((one) => CUT.has(one));
const CUT = new Set<unknown>(['TimeoutError', 'ECONNRESET', 'EPIPE']);

/** Puts the archive where the function reads it; one that is there has the same contents, since its key is made of them. */
export async function sendMigrations(
  { s3 }: Pick<FunctionClients, 's3'>,
  { bucket }: FunctionPlace,
  { key, sha256, text }: MigrationArchive,
): Promise<SentMigrations> {
  try {
    await s3.putObject({
      Bucket: bucket,
      Key: key,
      Body: text,
      ContentType: 'application/json',
      IfNoneMatch: '*',
    });
  } catch (error) {
    if (!(error instanceof Error && error.name === 'PreconditionFailed'))
      throw awsFailure(error, { action: 's3:PutObject', object: `s3://${bucket}/${key}` });
  }
  return { key, sha256 };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isReport = (value: unknown): value is MigrationReport =>
  typeof value === 'object' && value !== null && 'problems' in value && Array.isArray(value.problems);
