import { join } from 'node:path';

import { PlatformError } from '../../system/errors';
import type { Owner } from './block';
import type { ScheduledJob } from './jobs';
import { everyCandidate } from './times';

export interface Machine {
  /** In which its cron reads times. */
  zone: string;
  /** The program that runs this. */
  node: string;
  /** PULUMI_CONFIG_PASSPHRASE_FILE, absolute, where it is set. */
  passphraseFile?: string | undefined;
}

/** What stands between the markers. `zone`: of the times, where the settings name one. */
export function crontabLines(
  jobs: readonly ScheduledJob[],
  { stack, root }: Owner,
  machine: Machine,
  zone = machine.zone,
): string[] {
  if (jobs.length === 0) return [];
  const variable =
    machine.passphraseFile === undefined ? '' : `PULUMI_CONFIG_PASSPHRASE_FILE=${quoted(machine.passphraseFile)} `;
  const program = `${variable}${quoted(machine.node)} ${quoted(join(root, 'scripts', 'coachdb.cjs'))}`;
  const isConverted = zone !== machine.zone;
  return [
    '# Written by `coachdb cron install` from coach:backup.schedule; what is changed here is lost.',
    isConverted
      ? `# Times of ${zone}; this machine is in ${machine.zone}, so each line starts every hour and looks whether it is due.`
      : `# Times of ${zone}, the zone of this machine.`,
    ...jobs
      .map(({ name, time }) => {
        const line = `${isConverted ? everyCandidate(time) : time} ${program} cron run ${name} --stack ${plainOrQuoted(stack)}`;
        return isConverted ? `# ${name}: ${time}\n${line}`.split('\n') : [line];
      })
      .flat(),
  ];
}

const plainOrQuoted = (word: string): string => (/^[\w.-]+$/.test(word) ? word : quoted(word));

/** One word of the shell, and of crontab, to which an open % is the end of the line. */
function quoted(word: string): string {
  if (/[\r\n]/.test(word))
    throw new PlatformError(
      'cron-path',
      `${JSON.stringify(word)} holds the end of a line, which no line of a crontab can.`,
      'Move the project to a folder with another name.',
      { kind: 'refused', object: word },
    );
  return `'${word.replaceAll("'", String.raw`'\''`)}'`.replaceAll('%', String.raw`\%`);
}
