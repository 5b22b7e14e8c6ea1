import { join } from 'node:path';

import { PlatformError } from '../../system/errors';

export interface InstalledPulumi {
  /** The program's path. */
  program: string;
  version: string | undefined;
}

/** The part of the Automation API's PulumiCommand that is used. */
export type Installer = (root: string) => Promise<{ command: string; version: { version: string } | null }>;

/**
 * Installs the Pulumi CLI of the SDK's own version below ~/.pulumi, where `locatePulumi` finds it, through the Automation
 * API's installer (it downloads from get.pulumi.com). One of a high enough version that is there already is kept.
 */
export async function installPulumi(
  home: string,
  install: Installer = installWithAutomation,
): Promise<InstalledPulumi> {
  const root = join(home, '.pulumi');
  try {
    const { command, version } = await install(root);
    return { program: command, version: version?.version };
  } catch (error) {
    const why = error instanceof Error ? (error.message.trim().split('\n').pop() ?? '') : String(error);
    throw new PlatformError(
      'engine-install-failed',
      `Pulumi could not be installed below ${root}: ${why}`,
      'It is downloaded from https://get.pulumi.com: check that this machine reaches it, or install Pulumi by the package ' +
        'manager of this system so that `pulumi` is on PATH. The local stack needs no Pulumi.',
      { object: root, cause: error },
    );
  }
}

/** Imported only here: the Automation API takes half a second to load. */
async function installWithAutomation(root: string): ReturnType<Installer> {
  const { PulumiCommand } = await import('@pulumi/pulumi/automation');
  return PulumiCommand.install({ root });
}
