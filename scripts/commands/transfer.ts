import { Option } from 'commander';

import { POLICY_HELP } from '../../postgres/transfer/values/kinds';
import { PlatformError } from '../../system/errors';
import type { TransferRequest } from '../transfer';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE, YES } from './deployment';

const collect = (value: string, before: string[]): string[] => [
  ...before,
  ...value.split(',').filter((name) => name !== ''),
];

export const transfer: CommandDefinition = {
  name: 'transfer',
  description: 'the application’s SQLite database into the stack’s PostgreSQL (npm run db:migrate-to-postgresql)',
  options: [
    new Option('--from <file>', 'the SQLite database'),
    new Option('--dry-run', 'print the plan and look at every value; load nothing').default(false),
    new Option('--verify-only', 'compare what is there with the source; load nothing').default(false),
    new Option('--tables <names>', 'these tables alone (comma-separated, repeatable)').argParser(collect).default([]),
    new Option('--exclude <names>', 'not these tables or Table.column (repeatable)').argParser(collect).default([]),
    new Option('--on <kind=policy>', 'what becomes of values that do not fit (repeatable)')
      .argParser(collect)
      .default([]),
    new Option('--truncate', 'replace all rows that the tables have').default(false),
    new Option('--deploy', 'apply the application’s pending migrations first').default(false),
    new Option('--create-schema', 'make the tables that are missing after the source’s schema, where no migrations do')
      .default(false)
      .conflicts(['verifyOnly', 'deploy']),
    new Option('--prepare', 'make PostgreSQL’s of an application whose migrations are SQLite’s; no database is needed')
      .default(false)
      .conflicts(['from', 'verifyOnly', 'tables', 'exclude', 'on', 'truncate', 'deploy', 'createSchema']),
    new Option('--unversioned', 'with --prepare: also where git cannot bring the old files back').default(false),
    YES(),
    DETAILED_EXIT_CODE(),
  ],
  help: POLICY_HELP,
  finishesSteps: true,
  run: async (context, options) => {
    if (options['prepare'] === true) {
      const { prepare } = await import('./transferPrepare');
      return prepare(context, {
        dryRun: options['dryRun'] === true,
        unversioned: options['unversioned'] === true,
        detailedExitcode: options['detailedExitcode'] === true,
      });
    }
    if (typeof options['from'] !== 'string') {
      throw new PlatformError('usage', '--from is missing: which SQLite database?', 'Add --from FILE.', {
        kind: 'usage',
        object: '--from',
      });
    }
    const request: TransferRequest = {
      from: options['from'],
      mode: options['dryRun'] === true ? 'dry-run' : options['verifyOnly'] === true ? 'verify' : 'load',
      tables: options['tables'] as string[],
      exclude: options['exclude'] as string[],
      policies: options['on'] as string[],
      truncate: options['truncate'] === true,
      deploy: options['deploy'] === true,
      createSchema: options['createSchema'] === true,
      detailedExitCode: options['detailedExitcode'] === true,
    };
    const { transferInTask } = await import('../aws/commands');
    const remote = await transferInTask(context, request);
    if (remote !== undefined) return remote;
    // SQLite is loaded for this command alone.
    const { runTransfer } = await import('../transfer');
    return runTransfer(context, request);
  },
};
