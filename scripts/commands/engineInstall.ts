import { homedir } from 'node:os';

import { installPulumi } from '../../engine/pulumi/install';
import { done } from '../command';
import type { CommandDefinition } from './definition';

export const engineInstall: CommandDefinition = {
  name: 'engine install',
  description: 'install the Pulumi CLI below ~/.pulumi',
  run: async () => {
    const { program, version } = await installPulumi(homedir());
    return done(`Pulumi ${version ?? ''} is at ${program}.`, { program, version: version ?? null }, 'changed');
  },
};
