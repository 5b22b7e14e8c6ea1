import type { SentMigrations } from '../../postgres/apply/request';
import { checksumOf } from '../../postgres/migrations/checksum';
import { messageOf, PlatformError } from '../../system/errors';
import type { Surroundings } from './environment';

/** Of a request, each of two attempts: the endpoints were reached a moment ago. */
const client = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const;
/** A folder of migrations is kilobytes of text. */
const LARGEST_ARCHIVE = 64 * 1024 * 1024;

export interface Administrator {
  user: string;
  password: string;
}

/** As the secret is at this moment: RDS rotates it. Throws `secret-unread`, `secret-malformed`. */
export async function readAdministrator({ masterSecret, region }: Surroundings): Promise<Administrator> {
  const { GetSecretValueCommand, SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
  const manager = new SecretsManagerClient({ region, ...client });
  let text: string | undefined;
  try {
    ({ SecretString: text } = await manager.send(new GetSecretValueCommand({ SecretId: masterSecret })));
  } catch (cause) {
    throw refused(
      cause,
      'secret-unread',
      `The administrator's secret ${masterSecret} cannot be read`,
      'The function’s role needs secretsmanager:GetSecretValue on it and kms:Decrypt, through Secrets Manager, on the key that encrypts it; `npm run up` grants both.',
      masterSecret,
    );
  } finally {
    manager.destroy();
  }
  const { username, password } = parsed(text);
  if (typeof username === 'string' && typeof password === 'string') return { user: username, password };
  throw new PlatformError(
    'secret-malformed',
    `The administrator's secret ${masterSecret} does not hold a username and a password as RDS writes them.`,
    'It has to be the one that RDS manages itself (manageMasterUserPassword), which `npm run up` declares.',
    { object: masterSecret },
  );
}

function parsed(text: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** The archive's text, which is what its key says. Throws `archive-unread`, `archive-changed`. */
export async function readArchive(
  { bucket, region, endpoints }: Surroundings,
  { key, sha256 }: SentMigrations,
): Promise<string> {
  const { GetObjectCommand, S3Client } = await import('@aws-sdk/client-s3');
  // An emulator has no host for each bucket.
  const s3 = new S3Client({ region, ...client, forcePathStyle: endpoints.s3 !== undefined });
  const where = `s3://${bucket}/${key}`;
  let text: string;
  try {
    const { Body, ContentLength = 0 } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (ContentLength > LARGEST_ARCHIVE) throw new Error(`${ContentLength} bytes are no migrations`);
    text = (await Body?.transformToString()) ?? '';
  } catch (cause) {
    throw refused(
      cause,
      'archive-unread',
      `The archive of the migrations ${where} cannot be read`,
      'The function’s role needs s3:GetObject on it and kms:Decrypt, through S3, on the bucket’s key; `npm run up` grants both and puts the archive there.',
      where,
    );
  } finally {
    s3.destroy();
  }
  if (checksumOf(text) === sha256) return text;
  throw new PlatformError(
    'archive-changed',
    `The archive of the migrations ${where} is not what its key says: its SHA-256 is ${checksumOf(text)}.`,
    'Somebody wrote over it. Find out who (CloudTrail), delete the object and run `npm run up`, which puts it there anew.',
    { kind: 'refused', object: where },
  );
}

function refused(cause: unknown, code: string, what: string, remedy: string, object: string): PlatformError {
  const { name = '' } = cause as { name?: string };
  const message = messageOf(cause);
  return new PlatformError(code, `${what}: ${[name, message].filter((part) => part !== '').join(': ')}`, remedy, {
    object,
    cause,
  });
}
