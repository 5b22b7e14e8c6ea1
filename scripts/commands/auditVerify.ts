import { InvalidArgumentError, Option } from 'commander';

import { type ChainMonth, verifyChain } from '../../postgres/audit/reading/verify';
import { withClient } from '../../postgres/connection/client';
import { type CommandResult, done } from '../command';
import { ExitCode } from '../exitCodes';
import { trailAccess } from './audit';
import type { CommandDefinition } from './definition';

const HELP = `Keep each month's head somewhere else (it is printed, and in --json), and give
it back as --anchor: without one nobody can tell that the end of a chain was
cut off, or that all of it was computed anew by somebody who owns the tables.`;

/** Recomputes the hash chain from the rows, as the auditor. */
export const auditVerify: CommandDefinition = {
  name: 'audit verify',
  printsData: true,
  description: 'whether the trail’s hash chain is intact (exit code 2: it is not)',
  help: HELP,
  options: [
    new Option('--anchor <month=hash>', 'a head noted earlier: 2026-10=ab12… (repeatable)')
      .argParser(anchor)
      .default({}, 'none'),
  ],
  run: async (context, options): Promise<CommandResult> => {
    const { spec, target } = await trailAccess(context, 'auditor');
    const anchors = options['anchor'] as Record<string, string>;
    const report = await withClient(target, (client) => verifyChain(client, spec, { anchors }));
    const off = spec.hashChain ? '' : '\nThe chain is off (coach:audit.hashChain): rows are recorded without a hash.';
    const result = done(`${report.months.map(line).join('\n')}${off}`.trim(), { ...report });
    return report.intact ? result : { ...result, status: 'differs', exitCode: ExitCode.differences };
  },
};

function line({ month, rows, links, unsealed, unhashed, head, problems }: ChainMonth): string {
  const parts = [`${rows} rows`, `${links} links`];
  if (unsealed > 0) parts.push(`${unsealed} not sealed yet`);
  if (unhashed > 0) parts.push(`${unhashed} without a hash`);
  return [
    `${month}  ${problems.length === 0 ? 'intact' : 'BROKEN'}  ${parts.join(', ')}`,
    ...(head === null ? [] : [`  head ${head}`]),
    ...problems.flatMap(({ kind, detail, rows: ids = [] }) => [
      `  ${kind}: ${detail}`,
      ...ids.map((id) => `    ${id}`),
    ]),
  ].join('\n');
}

function anchor(value: string, previous: Record<string, string>): Record<string, string> {
  const match = /^(\d{4}-\d{2})=([0-9a-fA-F]{64})$/.exec(value);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new InvalidArgumentError('Expected a month and its head of 64 hexadecimal digits: 2026-10=ab12….');
  return { ...previous, [match[1]]: match[2] };
}
