import { Option } from 'commander';

import type { CommandDefinition } from './definition';
import { YES } from './deployment';

const HELP = `Without an id or --from it takes the newest good backup. It is restored into a new
database beside the live one, every table is compared, and then both change
names in one transaction. The former one is kept as NAME_before_DATE.

  coachdb restore                         the newest
  coachdb restore 20261126T0200           one of 'coachdb backup list'
  coachdb restore --from /mnt/copy        a backup's folder, wherever it is
  coachdb restore --from s3://…           one of 'coachdb backup list --s3'
  coachdb restore --to-file out.sql       its SQL; no database is touched
  coachdb restore --drop-old              those that restores have put aside`;

export const restore: CommandDefinition = {
  name: 'restore',
  description: 'a backup into a new database, compared, then swapped in',
  help: HELP,
  arguments: ['[id]'],
  options: [
    new Option('--from <source>', 'a backup’s folder, or s3://...'),
    new Option('--to-file <file>', 'write its SQL there instead'),
    new Option('--foreign', 'also a backup of another stack or database').default(false),
    new Option('--drop-old', 'drop the databases that earlier restores have put aside').default(false),
    YES(),
  ],
  finishesSteps: true,
  run: async (context, options, args) => {
    const text = (name: string): string | undefined => (typeof options[name] === 'string' ? options[name] : undefined);
    const request = {
      id: args[0],
      from: text('from'),
      toFile: text('toFile'),
      foreign: options['foreign'] === true,
      dropOld: options['dropOld'] === true,
    };
    if (request.toFile === undefined) {
      const { restoreInTask } = await import('../aws/commands');
      const remote = await restoreInTask(context, request);
      if (remote !== undefined) return remote;
    }
    const { restoreBackup } = await import('../backup/restore');
    return restoreBackup(context, request);
  },
};
