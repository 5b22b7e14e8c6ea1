import { Option } from 'commander';

import { writeAtomically } from '../../system/atomicFile';
import { PlatformError } from '../../system/errors';
import { done } from '../command';
import { openStack } from '../stack';
import { readState } from '../stackState';
import type { CommandDefinition } from './definition';

export const stateExport: CommandDefinition = {
  name: 'state export',
  printsData: true,
  description: 'the stack’s deployment as `pulumi stack import` takes it; secrets stay encrypted',
  options: [new Option('--file <file>', 'write it there instead of stdout')],
  run: async (context, options) => {
    const stack = openStack(context);
    const state = await readState(context, stack);
    if (state === undefined) {
      throw new PlatformError(
        'stack-not-deployed',
        `Stack ${stack.name} was never deployed.`,
        'Run `npm start` first.',
        {
          object: stack.name,
        },
      );
    }
    const deployment = { version: state.file.version, deployment: state.file.checkpoint.latest };
    const text = JSON.stringify(deployment, null, 4);
    const file = options['file'];
    if (typeof file !== 'string') return done(text, deployment);
    writeAtomically(file, `${text}\n`);
    return done(`Wrote the state of stack ${stack.name} to ${file}.`, { file });
  },
};
