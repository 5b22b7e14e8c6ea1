import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { PlatformError } from '../../system/errors';
import { withClient } from '../connection/client';
import type { ConnectionTarget } from '../spec';
import { type Activation, activationOf } from '../tuning/activation';
import {
  alteredByHand,
  changedFiles,
  changedParameters,
  CONFIGURATION_FILE,
  type ConfigurationOptions,
  effectiveParameters,
  renderConfiguration,
} from './configuration';
import { isRefusal } from './password';
import type { ServerProcess } from './process';
import { type ServerState, serverState } from './state';

/** What of a server is not as declared. */
export interface Inspection {
  state: ServerState;
  /** Index of the password that opened; `refused`: none did; undefined: not running, or it could not be asked. */
  login: number | 'refused' | undefined;
  /** Parameters that postgresql.conf does not hold as declared, or that ALTER SYSTEM set over it. */
  changed: string[];
  /** Configuration files that hold something else. */
  files: string[];
  /** Files are as declared, but the server has not read them since they were written. */
  stale: boolean;
  /** Declared parameters that wait for a restart. */
  pending: string[];
  /** pg_settings.context of `changed`, as far as the server knows them. */
  contexts: ReadonlyMap<string, string>;
}

interface Answer {
  loadedMs: number;
  pending: string[] | null;
  contexts: Record<string, string> | null;
}

const QUESTION = `SELECT extract(epoch FROM pg_catalog.pg_conf_load_time())::float8 * 1000 AS "loadedMs",
  (SELECT array_agg(lower(name)) FROM pg_catalog.pg_settings WHERE pending_restart) AS pending,
  (SELECT json_object_agg(lower(name), context) FROM pg_catalog.pg_settings WHERE lower(name) = ANY ($1)) AS contexts`;

/**
 * Compares server and declaration: files, then (one connection, at the port it really has, with the first password that opens) what of them is in
 * force. `target` is tried with each of the passwords.
 */
export async function inspectServer(
  server: ServerProcess,
  configuration: ConfigurationOptions,
  target: ConnectionTarget,
  passwords: readonly string[],
): Promise<Inspection> {
  const { dataDirectory } = server;
  const state = serverState(dataDirectory);
  if (state.status === 'absent') return { ...NOTHING, state };
  const files = renderConfiguration(configuration);
  const changed = changedParameters(configuration, files);
  const found = { ...NOTHING, state, changed, files: changedFiles(dataDirectory, files) };
  if (state.status !== 'running') return found;
  const { login, answer } = await ask({ ...target, port: state.port }, passwords, changed);
  if (answer === undefined) return { ...found, login };
  const effective = effectiveParameters(configuration);
  const byHand = alteredByHand(dataDirectory);
  const ours = new Set([...Object.keys(effective).map((name) => name.toLowerCase()), ...changed]);
  return {
    ...found,
    login,
    stale: found.files.length === 0 && answer.loadedMs < statSync(join(dataDirectory, CONFIGURATION_FILE)).mtimeMs,
    pending: (answer.pending ?? []).filter((name) => ours.has(name) || !byHand.has(name)),
    contexts: new Map(Object.entries(answer.contexts ?? {})),
  };
}

const NOTHING = {
  login: undefined,
  changed: [],
  files: [],
  stale: false,
  pending: [],
  contexts: new Map<string, string>(),
};

async function ask(
  target: ConnectionTarget,
  passwords: readonly string[],
  names: string[],
): Promise<{ login: Inspection['login']; answer?: Answer }> {
  let refused = false;
  for (const [index, password] of passwords.entries()) {
    try {
      // A new connection each time: an idle one reads the files when it is asked, whether the server has or not.
      const answer = await withClient({ ...target, password }, (client) => client.query<Answer>(QUESTION, [names]), {
        connectTimeoutMs: 5000,
      });
      return { login: index, answer: answer.rows[0]! };
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      if (!isRefusal(error)) return { login: undefined };
      refused = true;
    }
  }
  return { login: refused ? 'refused' : undefined };
}

/** `start`: the server does not run (on a first run, its data directory is made too). */
export type ServerActivation = Activation | 'start';

/** How the differences found are done away with: the strongest of what they need. */
export function activationOfInspection(inspection: Inspection, major: number | undefined): ServerActivation {
  const { state, login, changed, files, stale, pending, contexts } = inspection;
  if (state.status === 'absent' || state.status === 'stopped' || state.status === 'stopping') return 'start';
  if (login === 'refused' || pending.length > 0) return 'restart';
  const activation = activationOf(changed, (name) => contexts.get(name), major);
  return activation === 'none' && (files.length > 0 || stale) ? 'reload' : activation;
}

/** The program file a running server was started from; undefined where the system does not tell. */
export function runningProgram(state: ServerState): string | undefined {
  try {
    return 'pid' in state ? realpathSync(`/proc/${state.pid}/exe`) : undefined;
  } catch {
    return undefined;
  }
}
