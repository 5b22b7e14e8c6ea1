import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { ConnectionTarget } from '../../postgres/spec';
import { PlatformError } from '../../system/errors';
import { type CommandContext, type CommandResult, done, failed } from '../command';
import { localServerOf } from '../localServer';
import { ROLE, targetOf } from '../roleTarget';
import { openStack } from '../stack';
import { readState } from '../stackState';
import type { CommandDefinition } from './definition';

export const psql: CommandDefinition = {
  name: 'psql',
  description: 'psql on the stack’s database, logged in as a role of it',
  options: [ROLE('whom to log in as (default: the read-only role)')],
  arguments: ['[arguments...]'],
  help: 'What follows -- goes to psql: coachdb psql -- -c "SELECT 1"',
  run: async (context, options, args) => {
    if (context.json)
      throw new PlatformError('psql-json', 'psql prints what it reads by itself.', 'Leave --json out.', {
        kind: 'usage',
      });
    const stack = openStack(context);
    const state = await readState(context, stack);
    const role = options['role'];
    const target = targetOf(
      stack,
      state,
      typeof role === 'string' ? role : stack.settings.roles.readOnly.name,
      'connect',
    );
    const directory =
      state === undefined ? undefined : localServerOf(state, context.root)?.placed.process.binaries.directory;
    return runPsql(context, programOf(directory), target, args);
  },
};

/** Beside the server's programs, else the one on PATH. */
function programOf(directory: string | undefined): string {
  const beside = directory === undefined ? undefined : join(directory, 'psql');
  return beside !== undefined && existsSync(beside) ? beside : 'psql';
}

async function runPsql(
  context: CommandContext,
  program: string,
  target: ConnectionTarget,
  args: readonly string[],
): Promise<CommandResult> {
  // Ctrl-C ends a query in psql, not psql.
  context.ignoreInterrupts();
  const child = spawn(program, args, { stdio: 'inherit', env: environmentOf(context.environment, target) });
  const code = await endOf(child, program);
  if (code === 0) return done('');
  return failed([
    new PlatformError('psql-failed', `psql ended with ${code === null ? 'a signal' : `exit code ${code}`}.`, '', {
      object: program,
    }),
  ]);
}

async function endOf(child: ChildProcess, program: string): Promise<number | null> {
  try {
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  } catch (error) {
    throw new PlatformError(
      'psql-missing',
      `${program} cannot be run: it is neither beside the server’s programs nor on PATH (the npm package’s PostgreSQL comes without it).`,
      'Install PostgreSQL’s client programs (Debian: postgresql-client, Homebrew: libpq) and run the command again.',
      { object: program, cause: error },
    );
  }
}

/** The caller's, but nothing in it that libpq would connect by. */
function environmentOf(environment: NodeJS.ProcessEnv, target: ConnectionTarget): NodeJS.ProcessEnv {
  const { host, port, database, user, password = '', sslMode = 'disable', caFile } = target;
  const others = Object.entries(environment).filter(([name]) => !name.startsWith('PG'));
  return {
    ...Object.fromEntries(others),
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: user,
    PGPASSWORD: password,
    PGSSLMODE: sslMode,
    ...(caFile === undefined ? {} : { PGSSLROOTCERT: caFile }),
  };
}
