import type { Client } from 'pg';

import { codeOf, PlatformError } from '../../system/errors';
import { SqlState } from '../connection/sqlstate';
import type { ExtensionSpec } from '../spec';
import { nearest } from '../tuning/nearest';

/** Names and versions the server could install, by name. */
export async function availableExtensions(client: Client): Promise<Map<string, string[]>> {
  const { rows } = await client.query<{ name: string; versions: string[] }>(
    `SELECT name::text, array_agg(version::text ORDER BY version) AS versions
     FROM pg_catalog.pg_available_extension_versions GROUP BY name ORDER BY name`,
  );
  return new Map(rows.map(({ name, versions }) => [name, versions]));
}

/**
 * Why a CREATE or ALTER EXTENSION failed, where it is the extension, its version or what it requires that is missing; undefined: something
 * else. Found by looking, since PostgreSQL has no SQLSTATE of its own for any of them.
 */
export async function unavailable(
  client: Client,
  wanted: ExtensionSpec,
  cause: unknown,
): Promise<PlatformError | undefined> {
  const options = { object: wanted.name, cause };
  const available = await availableExtensions(client).catch(() => undefined);
  if (available === undefined) return undefined;
  const refusal = notOffered(wanted, available, cause);
  if (refusal !== undefined) return refusal;
  const versions = available.get(wanted.name) ?? [];
  if (wanted.version !== undefined && codeOf(cause) === SqlState.invalidParameterValue) {
    return new PlatformError(
      'extension-version',
      `Extension ${wanted.name} cannot be brought to version ${wanted.version}: there is no update path from the installed one.`,
      `Declare the installed version or a later one (${versions.join(', ')}), or none at all.`,
      options,
    );
  }
  // Before anything was tried, what it requires may be about to come.
  const required = codeOf(cause) === SqlState.undefinedObject ? await missingRequirements(client, wanted) : [];
  if (required.length > 0) {
    return new PlatformError(
      'extension-requires',
      `Extension ${wanted.name} requires ${required.join(' and ')}, which is not installed.`,
      `Name ${required.join(' and ')} before ${wanted.name} in coach:extensions.`,
      options,
    );
  }
  return undefined;
}

/** The extension or its version is none of those that the server offers. */
export function notOffered(
  wanted: ExtensionSpec,
  available: ReadonlyMap<string, string[]>,
  cause?: unknown,
): PlatformError | undefined {
  const options = { object: wanted.name, cause };
  const versions = available.get(wanted.name);
  if (versions === undefined) {
    const names = [...available.keys()].sort();
    const guess = nearest(wanted.name, names);
    return new PlatformError(
      'extension-unavailable',
      `Extension ${wanted.name} is not on this server${guess === undefined ? '' : `; did you mean ${guess}?`}`,
      `Install its package for this PostgreSQL, or take it out of coach:extensions. Available: ${names.join(', ')}.`,
      options,
    );
  }
  if (wanted.version === undefined || versions.includes(wanted.version)) return undefined;
  return new PlatformError(
    'extension-version',
    `Extension ${wanted.name} has no version ${wanted.version} on this server.`,
    `Declare one of ${versions.join(', ')}, or none for the newest.`,
    options,
  );
}

/** What the version that would be installed requires and the database does not have. */
async function missingRequirements(client: Client, { name, version }: ExtensionSpec): Promise<string[]> {
  const { rows } = await client.query<{ required: string }>(
    `SELECT DISTINCT required::text FROM pg_catalog.pg_available_extension_versions v
     JOIN pg_catalog.pg_available_extensions a USING (name) CROSS JOIN LATERAL unnest(v.requires) AS required
     WHERE v.name = $1 AND v.version = coalesce($2, a.default_version)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = required) ORDER BY 1`,
    [name, version ?? null],
  );
  return rows.map(({ required }) => required);
}
