import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Option } from 'commander';

import { applicationDirectory } from '../../infra/config/databaseSpec';
import { indexHints } from '../../postgres/indexes/hints';
import { readPrismaSchema } from '../../postgres/indexes/prismaSchema';
import { done } from '../command';
import { openStack } from '../stack';
import type { CommandDefinition } from './definition';
import { generateClient } from './generateClient';

export const generate: CommandDefinition = {
  name: 'generate',
  description: 'the application’s Prisma client, without any download (npm run db:generate)',
  options: [
    new Option('--index-hints', 'print the @@index lines the application’s schema needs instead').default(false),
  ],
  run: async (context, options) => {
    const stack = openStack(context);
    const application = applicationDirectory(stack.settings, context.root);
    if (options['indexHints'] === true) {
      const schema = join(application, 'prisma', 'schema.prisma');
      const text = existsSync(schema) ? readFileSync(schema, 'utf8') : undefined;
      const hints = indexHints(stack.settings.indexes, text === undefined ? undefined : readPrismaSchema(text));
      return done(hints.text, { models: hints.models, notes: hints.notes });
    }
    const { report, source, prismaCli } = await generateClient({
      schemaDirectory: application,
      env: context.environment,
    });
    return done(report, { source, prismaCli }, 'changed');
  },
};
