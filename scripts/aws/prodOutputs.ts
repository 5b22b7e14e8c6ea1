import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import * as v from 'valibot';

import { typeOf } from '../../engine/protocol/registration';
import { Secret } from '../../engine/state/values';
import { messageOf, PlatformError } from '../../system/errors';
import { isObject } from '../../system/isObject';
import type { CommandContext } from '../command';
import { hasStateHere, pulumiProgram } from '../pulumi';
import type { Stack } from '../stack';
import { readState } from '../stackState';
import type { FunctionPlace } from './function';

const handedOut = v.object({
  region: v.string(),
  database: v.string(),
  /** By purpose; each logs in by IAM. */
  roles: v.record(v.string(), v.string()),
  instance: v.object({ address: v.string(), port: v.number() }),
  proxy: v.optional(v.object({ endpoint: v.string(), port: v.number() })),
});

/** What `up` of prod hands out of the way to its database. */
export type ProdOutputs = v.InferOutput<typeof handedOut>;

/** What `up` handed out: of the state below `.coachdb`, or by Pulumi where PULUMI_BACKEND_URL names another place. */
export async function stackOutputs(context: CommandContext, stack: Stack): Promise<Record<string, unknown>> {
  if (!hasStateHere(context, stack)) return outputsByPulumi(context, stack);
  const state = await readState(context, stack);
  const outputs = state?.resources.find(({ urn }) => typeOf(urn) === 'pulumi:pulumi:Stack')?.outputs ?? {};
  return Object.fromEntries(
    Object.entries(outputs).map(([key, value]) => [key, value instanceof Secret ? value.value : value]),
  );
}

async function outputsByPulumi(context: CommandContext, { name }: Stack): Promise<Record<string, unknown>> {
  const { root: cwd, environment: env, signal } = context;
  const where = env['PULUMI_BACKEND_URL'] ?? '';
  const pulumi = pulumiProgram(context);
  try {
    if (pulumi === undefined) throw new Error('No pulumi is on PATH or below ~/.pulumi/bin');
    const asked = ['stack', 'output', '--json', '--non-interactive', '--stack', name];
    const { stdout } = await promisify(execFile)(pulumi, asked, { cwd, env, signal, maxBuffer: 64 * 1024 * 1024 });
    return JSON.parse(stdout) as Record<string, unknown>;
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new PlatformError(
      'outputs-unread',
      `The outputs of stack ${name} cannot be read from ${where}: ${stderr.trim() === '' ? messageOf(cause) : stderr.trim()}`,
      `\`npm run coachdb -- engine install\` installs Pulumi; \`npm run pulumi -- stack output\` shows what it says. Unset PULUMI_BACKEND_URL where the state is below .coachdb.`,
      { object: name, cause },
    );
  }
}

export const notDeployed = (name: string, what: string): PlatformError =>
  new PlatformError(
    'stack-not-deployed',
    `Stack ${name} hands out no ${what}: it was never brought up to its end.`,
    'Run `npm run up` first.',
    { object: name },
  );

export function prodOutputs({ name }: Pick<Stack, 'name'>, outputs: Record<string, unknown>): ProdOutputs {
  const { success, output } = v.safeParse(handedOut, outputs);
  if (success) return output;
  throw notDeployed(name, 'database');
}

export function functionPlace({ name }: Pick<Stack, 'name'>, outputs: Record<string, unknown>): FunctionPlace {
  const { region, migration } = outputs;
  const { functionName, bucket } = isObject(migration) ? migration : {};
  if (typeof region === 'string' && typeof functionName === 'string' && typeof bucket === 'string')
    return { region, functionName, bucket };
  throw notDeployed(name, 'migration function');
}

/** What the application needs in place of a password: `app/pool.ts` reads it. The migrator goes past the proxy, which would lose its locks. */
export function prodEnvironment({ region, database, roles, instance, proxy }: ProdOutputs): Record<string, string> {
  const direct = { host: instance.address, port: instance.port };
  const pooled = proxy === undefined ? direct : { host: proxy.endpoint, port: proxy.port };
  const url = (role: string | undefined, { host, port }: typeof direct): string =>
    `postgresql://${encodeURIComponent(role ?? '')}@${host}:${port}/${encodeURIComponent(database)}`;
  return {
    DATABASE_URL: url(roles['application'], pooled),
    DIRECT_URL: url(roles['migrator'], direct),
    DATABASE_AUTH: 'iam',
    AWS_REGION: region,
  };
}
