import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from 'vitest';

import { generateClient } from '../../../scripts/commands/generateClient';
import { PlatformError } from '../../../system/errors';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

const SCHEMA = `generator client {
  provider = "prisma-client"
  output   = "../client"
}
datasource db {
  provider = "postgresql"
}
model Lesson {
  id Int @id
}
`;

/** An application's checkout with Prisma installed. */
function application(schema: string | undefined, config?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'coach-generate-'));
  folders.push(folder);
  symlinkSync(join(__dirname, '../../../node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'prisma'));
  if (schema !== undefined) writeFileSync(join(folder, 'prisma/schema.prisma'), schema);
  if (config !== undefined) writeFileSync(join(folder, 'prisma.config.ts'), config);
  return folder;
}

const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env.PATH, HOME: process.env.HOME });

it('generates for an application whose config insists on a database address', async () => {
  const config = `import { defineConfig, env } from 'prisma/config';
    export default defineConfig({ schema: 'prisma/schema.prisma', datasource: { url: env('DATABASE_URL') } });`;
  const folder = application(SCHEMA, config);
  const { source, report } = await generateClient({ schemaDirectory: join(folder, 'prisma'), env: environment() });
  expect(source).toBe(join(folder, 'prisma.config.ts'));
  expect(report).toContain('Generated Prisma Client');
  expect(existsSync(join(folder, 'client/client.ts'))).toBe(true);
});

it('shows what is wrong with a schema, without colours', async () => {
  const folder = application(SCHEMA.replace('id Int @id', 'id Intt @id'));
  const error = await generateClient({ schemaDirectory: folder, env: environment() }).catch(
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PlatformError);
  expect(error).toMatchObject({ code: 'prisma-generate-failed', object: join(folder, 'prisma/schema.prisma') });
  expect((error as PlatformError).message).toMatch(/Type "Intt" is neither a built-in type/);
  expect((error as PlatformError).message).not.toContain('\u001b');
});

it('says that the schema or Prisma is missing', async () => {
  const without = application(undefined);
  await expect(generateClient({ schemaDirectory: without, env: environment() })).rejects.toMatchObject({
    code: 'prisma-schema-missing',
    object: without,
    remedy: expect.stringContaining('coach:app.directory') as string,
  });
  const absent = { schemaDirectory: application(SCHEMA), env: environment(), prismaCli: '/nowhere/prisma.js' };
  await expect(generateClient(absent)).rejects.toMatchObject({
    code: 'prisma-missing',
    message: expect.stringContaining('/nowhere/prisma.js does not exist') as string,
  });
});
