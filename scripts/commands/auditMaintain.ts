import { maintainTrail } from '../../postgres/audit/maintain';
import { withClient } from '../../postgres/connection/client';
import { PlatformError } from '../../system/errors';
import { done, failed } from '../command';
import { printable } from '../report/print';
import { trailAccess } from './audit';
import type { CommandDefinition } from './definition';

const HELP = `\`up\` does the same, and so does pg_cron where the database has it. Without
either run this once a day.`;

/** What keeps the trail going; safe at any time and any number of times. */
export const auditMaintain: CommandDefinition = {
  name: 'audit maintain',
  description: 'the trail’s partitions: months ahead, retention, indexes; seals the chain',
  help: HELP,
  run: async (context) => {
    const { spec, target } = await trailAccess(context, 'administrator');
    const lines = await withClient(target, (client) => maintainTrail(client, spec));
    const waits = lines.length > 0 && lines.every((line) => /^(postponed|sealing waits)/.test(line));
    const unsealed = lines.find((line) => line.startsWith('sealing failed'));
    if (unsealed !== undefined) return failed([sealFailed(unsealed)], lines.map(printable).join('\n'), { lines });
    const text = lines.length === 0 ? 'Nothing was due.' : lines.map(printable).join('\n');
    return done(text, { lines }, lines.length === 0 || waits ? 'ok' : 'changed');
  },
};

function sealFailed(line: string): PlatformError {
  return new PlatformError(
    'audit-seal-failed',
    `The chain could not be sealed (${line}); partitions and retention were kept up.`,
    'Mend what the message names, then run `npm run coachdb -- audit maintain` again; until then no new row is protected against removal.',
  );
}
