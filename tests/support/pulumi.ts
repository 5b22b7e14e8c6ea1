import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

import { locatePulumi } from '../../engine/pulumi/locate';

/** Pulumi's program, where there is one. Nothing is faked where it is missing. */
export const PULUMI = locatePulumi({ pathVariable: process.env['PATH'], home: homedir() });

/** What a test's process needs of this one's environment so that its Pulumi finds its plugins. */
export const PULUMI_ENVIRONMENT: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => /^PULUMI_(HOME|SKIP_UPDATE_CHECK|DISABLE_AUTOMATIC)/.test(name)),
);

/** Why tests that run Pulumi with these provider plugins cannot run here; undefined: they can. Like Pulumi, takes plugins on PATH too. */
export function missingPulumi(plugins: readonly string[] = ['postgresql', 'random']): string | undefined {
  if (PULUMI === undefined) return 'pulumi is neither on PATH nor below ~/.pulumi/bin';
  const folder = join(process.env['PULUMI_HOME'] ?? join(homedir(), '.pulumi'), 'plugins');
  const installed = existsSync(folder) ? readdirSync(folder) : [];
  const onPath = (name: string): boolean =>
    (process.env['PATH'] ?? '').split(delimiter).some((place) => existsSync(join(place, `pulumi-resource-${name}`)));
  const missing = plugins.filter((name) => !installed.some((one) => isPlugin(one, name)) && !onPath(name));
  return missing.length === 0 ? undefined : `Pulumi has no ${missing.join(' and no ')} plugin in ${folder} or on PATH`;
}

/** `resource-random-v4.21.2`; beside it lie lock files of the same name. */
function isPlugin(entry: string, name: string): boolean {
  return entry.startsWith(`resource-${name}-v`) && !/\.(lock|partial)$/.test(entry);
}
