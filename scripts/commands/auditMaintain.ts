import { maintainTrail } from '../../postgres/audit/upkeep';
import { withClient } from '../../postgres/connection/client';
import { done } from '../command';
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
    const text = lines.length === 0 ? 'Nothing was due.' : lines.join('\n');
    return done(text, { lines }, lines.length === 0 || waits ? 'ok' : 'changed');
  },
};
