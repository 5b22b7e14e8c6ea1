import { defineConfig } from 'prisma/config';

/** Prisma's command line, run from this folder or with `--config`. Migrations need the direct address: a pooler loses advisory locks. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DIRECT_URL ?? process.env.DATABASE_URL ?? '' },
});
