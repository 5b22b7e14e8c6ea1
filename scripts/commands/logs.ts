import { existsSync, readFileSync } from 'node:fs';

import { InvalidArgumentError, Option } from 'commander';

import { requireNotForeign } from '../../postgres/server/ownership';
import { PlatformError } from '../../system/errors';
import { done } from '../command';
import { localServerOf } from '../localServer';
import { openStack, type Stack } from '../stack';
import { readState } from '../stackState';
import type { CommandDefinition } from './definition';

export const logs: CommandDefinition = {
  name: 'logs',
  printsData: true,
  description: 'the end of the local server’s log',
  options: [new Option('--lines <n>', 'how many lines').argParser(lines).default(50)],
  run: async (context, options) => {
    const stack = openStack(context);
    if (stack.settings.environment === 'prod') throw inCloudWatch(stack);
    const state = await readState(context, stack);
    const server = state === undefined ? undefined : localServerOf(state, context.root);
    if (server === undefined) {
      throw new PlatformError('server-unknown', `Stack ${stack.name} has no local server.`, 'Run `npm start` first.', {
        object: stack.name,
      });
    }
    requireNotForeign(server.owned);
    const text = existsSync(server.logFile) ? readFileSync(server.logFile, 'utf8').trimEnd() : '';
    const last = text.split('\n').slice(-Number(options['lines']));
    return done(last.join('\n'), { logFile: server.logFile, lines: last });
  },
};

const inCloudWatch = ({ project, name }: Stack): PlatformError =>
  new PlatformError(
    'server-unknown',
    `Stack ${name} has no local server; RDS writes its server’s log to CloudWatch.`,
    `Read it there: \`aws logs tail /aws/rds/instance/${project}-${name}-database/postgresql --follow\`.`,
    { kind: 'usage', object: name },
  );

function lines(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('Expected a whole number from 1.');
  return count;
}
