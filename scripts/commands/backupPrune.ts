import { Option } from 'commander';

import type { PruneRequest } from '../backup/prune';
import { IN_S3, RETENTION } from './backup';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, YES } from './deployment';

export const backupPrune: CommandDefinition = {
  name: 'backup prune',
  description: 'removes the backups that are past their time, as every backup does at its end',
  options: [
    IN_S3(),
    RETENTION(),
    new Option('--dry-run', 'print what would go and what stays, and why').default(false),
    YES(),
    DETAILED_EXIT_CODE(),
  ],
  run: async (context, options) => {
    const request: PruneRequest = {
      retentionDays: options['retention'] as number | undefined,
      dryRun: options['dryRun'] === true,
      detailedExitCode: options['detailedExitcode'] === true,
    };
    if (options['s3'] === true) return (await import('../backup/s3Commands')).pruneS3(context, request);
    return (await import('../backup/prune')).pruneHere(context, request);
  },
};
