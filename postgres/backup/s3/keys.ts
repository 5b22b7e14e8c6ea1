import { PlatformError } from '../../../system/errors';
import { type Generation, GENERATIONS, MANIFEST_FILE } from '../manifest';

/** Where a backup lies in the bucket. Lifecycle rules go by the generation's prefix. */
export interface BackupPath {
  generation: Generation;
  id: string;
}

/** `PREFIX/daily/`. */
export const generationPrefix = (prefix: string, generation: Generation): string => `${prefix}/${generation}/`;

/** `PREFIX/daily/ID/`. */
export const backupPrefix = (prefix: string, { generation, id }: BackupPath): string =>
  `${generationPrefix(prefix, generation)}${id}/`;

export const manifestKey = (prefix: string, backup: BackupPath): string =>
  `${backupPrefix(prefix, backup)}${MANIFEST_FILE}`;

/** Beside the generations: no rule for one of them applies to a pin. */
export const pinPrefix = (prefix: string): string => `${prefix}/pins/`;

/** Backup and path below it of a key; undefined: it belongs to none. */
export function splitKey(prefix: string, key: string): (BackupPath & { path: string }) | undefined {
  if (!key.startsWith(`${prefix}/`)) return undefined;
  const [generation = '', id = '', ...rest] = key.slice(prefix.length + 1).split('/');
  const known = GENERATIONS.find((one) => one === generation);
  return known === undefined || id === '' || rest.length === 0
    ? undefined
    : { generation: known, id, path: rest.join('/') };
}

/** `s3://BUCKET/PREFIX/daily/ID`, as it is printed and as `restore --from` takes it. */
export const uriOf = (bucket: string, prefix: string, backup: BackupPath): string =>
  `s3://${bucket}/${backupPrefix(prefix, backup).replace(/\/$/, '')}`;

/** The parts of such a URI. Anything else is refused (`s3-uri`). */
export function parseUri(uri: string): { bucket: string; prefix: string } & BackupPath {
  const [, bucket, prefix, word, id] = /^s3:\/\/([^/]+)\/(.+)\/([a-z]+)\/([^/]+)\/?$/.exec(uri) ?? [];
  const generation = GENERATIONS.find((one) => one === word);
  if (bucket !== undefined && prefix !== undefined && id !== undefined && generation !== undefined)
    return { bucket, prefix, generation, id };
  throw new PlatformError(
    's3-uri',
    `${uri} names no backup in S3; expected s3://BUCKET/PREFIX/GENERATION/ID with a generation of ${GENERATIONS.join(', ')}.`,
    'Copy it from `npm run coachdb -- backup list`.',
    { kind: 'usage', object: uri },
  );
}

/** When the run began that gave the backup its id (`20261126T020000Z-9f3c`); undefined: it is no id. */
export function startOfId(id: string): Date | undefined {
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z-/.exec(id) ?? [];
  if (parts.length === 0) return undefined;
  const [year, month, day, hour, minute, second] = parts;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
