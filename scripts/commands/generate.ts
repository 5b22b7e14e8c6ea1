import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Option } from 'commander';

import { applicationDirectory } from '../../infra/config/databaseSpec';
import { indexHints } from '../../postgres/indexes/hints';
import { hintsMigration } from '../../postgres/indexes/hintsMigration';
import { readPrismaSchema } from '../../postgres/indexes/prismaSchema';
import { readMigrationFolder } from '../../postgres/migrations/folder';
import { done } from '../command';
import { openStack } from '../stack';
import type { CommandDefinition } from './definition';
import { generateClient } from './generateClient';

const MIGRATION_NOTE = `// prisma/migrations/<time>_platform_indexes/migration.sql, so that \`prisma migrate dev\` finds
// the indexes in the history too; it does nothing where they exist:`;

/** The SQL of the application's migrations; empty where it has none yet. */
function historyOf(directory: string): string {
  if (!existsSync(directory)) return '';
  return readMigrationFolder(directory)
    .migrations.map(({ sql }) => sql)
    .join('\n');
}

export const generate: CommandDefinition = {
  name: 'generate',
  description: 'the application’s Prisma client, without any download (npm run db:generate)',
  options: [
    new Option(
      '--index-hints',
      'print the @@index lines and the migration the application’s schema needs instead',
    ).default(false),
  ],
  run: async (context, options) => {
    const stack = openStack(context);
    const application = applicationDirectory(stack.settings, context.root);
    if (options['indexHints'] === true) {
      const schema = join(application, 'prisma', 'schema.prisma');
      const text = existsSync(schema) ? readFileSync(schema, 'utf8') : undefined;
      const hints = indexHints(stack.settings.indexes, text === undefined ? undefined : await readPrismaSchema(text));
      const seen = stack.settings.indexes.filter(({ name }) => hints.seen.includes(name));
      const migration = hintsMigration(seen, historyOf(join(application, 'prisma', 'migrations')));
      const explained = migration === '' ? '' : `\n${MIGRATION_NOTE}\n${migration}`;
      return done(`${hints.text}${explained}`, { models: hints.models, notes: hints.notes, migration });
    }
    const { report, source, prismaCli } = await generateClient({
      schemaDirectory: application,
      env: context.environment,
    });
    return done(report, { source, prismaCli }, 'changed');
  },
};
