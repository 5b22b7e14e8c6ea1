import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

import { PlatformError } from '../../system/errors';

export interface GenerateOptions {
  /** The application's folder, or its `prisma` folder: what holds prisma.config.ts or schema.prisma. */
  schemaDirectory: string;
  /** Prisma's entry script. Default: the application's own `prisma` package, else this project's. */
  prismaCli?: string;
  env: NodeJS.ProcessEnv;
}

export interface GeneratedClient {
  /** What Prisma said: version, output folder, milliseconds. */
  report: string;
  /** The config or schema file it read. */
  source: string;
  prismaCli: string;
}

/** Prisma 7 takes 2 s here; anything near this is a prompt or a download that cannot end. */
const TIMEOUT_MS = 120_000;

const CONFIG_FILES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'].map((extension) => `prisma.config.${extension}`);

/** Runs `prisma generate` without network: generator and client are WASM, and the engine Prisma would download is not used. */
export async function generateClient(options: GenerateOptions): Promise<GeneratedClient> {
  const application = applicationFolder(options.schemaDirectory);
  const { source, flag } = findSource(application, options.schemaDirectory);
  const prismaCli = options.prismaCli ?? findCli(application);
  const report = await run(prismaCli, [flag, source], application, offline(options.env));
  return { report, source, prismaCli };
}

function applicationFolder(schemaDirectory: string): string {
  const folder = resolve(schemaDirectory);
  return basename(folder) === 'prisma' ? dirname(folder) : folder;
}

function findSource(application: string, schemaDirectory: string): { source: string; flag: '--config' | '--schema' } {
  const config = CONFIG_FILES.map((name) => join(application, name)).find((path) => existsSync(path));
  if (config !== undefined) return { source: config, flag: '--config' };
  const candidates = [join(application, 'prisma', 'schema.prisma'), join(resolve(schemaDirectory), 'schema.prisma')];
  const schema = candidates.find((path) => existsSync(path));
  if (schema !== undefined) return { source: schema, flag: '--schema' };
  throw new PlatformError(
    'prisma-schema-missing',
    `${application} holds neither prisma.config.ts nor prisma/schema.prisma.`,
    'Set `coach:app.directory` to the application’s checkout.',
    { object: application },
  );
}

/** The application's version of Prisma is the one its code was written for. */
function findCli(application: string): string {
  for (const from of [join(application, 'package.json'), __filename]) {
    let manifest: string;
    try {
      manifest = createRequire(from).resolve('prisma/package.json');
    } catch {
      continue;
    }
    const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin?: string | Record<string, string> };
    const script = typeof bin === 'string' ? bin : bin?.prisma;
    if (script !== undefined) return join(dirname(manifest), script);
  }
  throw new PlatformError(
    'prisma-missing',
    `Neither ${application} nor this project has the npm package prisma.`,
    'Run `npm ci` (in the application’s folder: `npm install --save-dev prisma`).',
    { object: application },
  );
}

function offline(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // A config file may insist on these, though generating never connects.
  const unused = 'postgresql://unused@127.0.0.1:1/unused';
  return {
    DATABASE_URL: unused,
    DIRECT_URL: unused,
    ...env,
    // Any file that exists keeps Prisma from downloading its schema engine.
    PRISMA_SCHEMA_ENGINE_BINARY: env.PRISMA_SCHEMA_ENGINE_BINARY ?? process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: '1',
    CHECKPOINT_DISABLE: '1',
    NO_COLOR: '1',
  };
}

function run(cli: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((done, reject) => {
    const settings = { cwd, env, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 };
    const child = execFile(process.execPath, [cli, 'generate', ...args], settings, (cause, stdout, stderr) => {
      const said = stripVTControlCharacters(`${stderr}\n${stdout}`).trim();
      if (cause === null) done(stripVTControlCharacters(stdout).trim());
      else reject(failure(cli, args, said, cause));
    });
    // Nobody answers a prompt.
    child.stdin?.end();
  });
}

function failure(cli: string, args: string[], said: string, cause: Error & { killed?: boolean }): PlatformError {
  const source = args.at(-1) ?? '';
  const missing = !existsSync(cli);
  const reason = missing
    ? `${cli} does not exist`
    : cause.killed === true
      ? `it was stopped after ${TIMEOUT_MS / 1000} s`
      : said || cause.message;
  return new PlatformError(
    missing ? 'prisma-missing' : 'prisma-generate-failed',
    `\`prisma generate\` failed for ${source}: ${reason}`,
    missing
      ? 'Run `npm ci`.'
      : 'Correct what it names in the schema or in prisma.config.ts. Generating needs no network and no database.',
    { object: source, cause },
  );
}
