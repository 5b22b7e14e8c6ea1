import { Option } from 'commander';

import { IN_S3 } from './backup';
import type { CommandDefinition } from './definition';

const HELP = `Without an id it looks at the newest. --checksums reads every byte; --structure, as
without a flag, also decompresses to the end, counts rows and reads the archive's
contents; --restore restores into a scratch database as well, compares every
table's rows and sum, runs amcheck, and drops it. --s3 reads every byte back from
the bucket; 'restore --from s3://...' does the rest.`;

export const backupVerify: CommandDefinition = {
  name: 'backup verify',
  description: 'whether a backup is whole, or restores (exit code 1: it is not)',
  help: HELP,
  arguments: ['[id]'],
  options: [
    new Option('--checksums', 'every byte against the manifest, no more').default(false),
    new Option('--structure', 'the archive to its end').default(false),
    new Option('--restore', 'into a scratch database').default(false),
    new Option('--all', 'every backup').default(false),
    IN_S3().conflicts(['structure', 'restore']),
  ],
  finishesSteps: true,
  run: async (context, options, args) => {
    if (options['s3'] === true)
      return (await import('../backup/s3Commands')).verifyS3(context, args[0], options['all'] === true);
    const depth =
      options['restore'] === true
        ? 'restore'
        : options['checksums'] === true && options['structure'] !== true
          ? 'checksums'
          : 'structure';
    const all = options['all'] === true;
    const { inTask } = await import('../aws/inTask');
    const remote = await inTask(context, () => ({
      command: ['backup', 'verify', ...args.slice(0, 1), `--${depth}`, ...(all ? ['--all'] : [])],
      changes: depth === 'restore',
    }));
    if (remote !== undefined) return remote;
    const { verifyBackups } = await import('../backup/verify');
    return verifyBackups(context, { id: args[0], all, depth });
  },
};
