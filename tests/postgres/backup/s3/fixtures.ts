import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll } from 'vitest';

import { type Manifest, MANIFEST_FORMAT } from '../../../../postgres/backup/manifest';
import { writeManifest } from '../../../../postgres/backup/manifestFile';
import type { S3Settings } from '../../../../postgres/backup/s3/settings';
import { ACCESS_KEY, SECRET_KEY } from './emulators';

export const MEBIBYTE = 1024 * 1024;
export const STACK = 'local';

const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: ACCESS_KEY,
  AWS_SECRET_ACCESS_KEY: SECRET_KEY,
  AWS_SESSION_TOKEN: undefined,
  AWS_PROFILE: undefined,
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_ENDPOINT_URL: undefined,
  AWS_ENDPOINT_URL_S3: undefined,
  AWS_REGION: undefined,
  AWS_DEFAULT_REGION: undefined,
  AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
};

/** The SDK's chain reads the process's environment: here it finds the emulators' root, and nothing of whoever runs the tests. */
export function useTestCredentials(): void {
  const before = Object.keys(ENVIRONMENT).map((name) => [name, process.env[name]] as const);
  beforeAll(() => setVariables(Object.entries(ENVIRONMENT)));
  afterAll(() => setVariables(before));
}

export function setVariables(variables: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of variables) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
}

export const settingsOf = (endpoint: string, bucket: string, more: Partial<S3Settings> = {}): S3Settings => ({
  bucket,
  endpoint,
  concurrency: 4,
  partSizeBytes: 5 * MEBIBYTE,
  ...more,
});

let made = 0;

/** A backup as a run leaves it: files of these sizes with random bytes, and their manifest. */
export function makeBackup(
  sizes: Record<string, number> = { 'dump/toc.dat': 4000, 'dump/3001.dat.zst': 70_000, 'roles.sql': 0 },
  more: Partial<Manifest> = {},
): { folder: string; manifest: Manifest; contents: Map<string, Buffer> } {
  const id = `20261126T02${String((made += 1)).padStart(4, '0')}Z-${randomBytes(2).toString('hex')}`;
  const folder = join(mkdtempSync(join(tmpdir(), 'coach-backup-')), id);
  const contents = new Map(Object.entries(sizes).map(([path, bytes]) => [path, randomBytes(bytes)]));
  const manifest = manifestOf(id, contents, more);
  for (const [path, bytes] of contents) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  writeManifest(folder, manifest);
  return { folder, manifest, contents };
}

function manifestOf(id: string, contents: Map<string, Buffer>, more: Partial<Manifest>): Manifest {
  const files = [...contents].map(([path, bytes]) => ({
    path,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  return {
    format: MANIFEST_FORMAT,
    id,
    stack: STACK,
    database: { name: 'inclusive_ai', system: '7300000000000000001' },
    layout: 'directory',
    compression: 'zstd',
    encryption: null,
    generation: 'daily',
    reason: 'manual',
    by: 'somebody@somewhere',
    startedAt: '2026-11-26T02:00:00.000Z',
    finishedAt: '2026-11-26T02:01:30.000Z',
    seconds: { dump: 80, verify: 10 },
    server: { version: '18.1', major: 18 },
    tools: { pgDump: '18.1', coachdb: '0.1.0' },
    walPosition: '0/1A2B3C4',
    files,
    tables: [],
    largeObjects: 0,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    ...more,
  };
}
