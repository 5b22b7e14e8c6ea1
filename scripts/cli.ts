import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';

import { Command, CommanderError } from 'commander';

import { allForStack, forStack } from '../postgres/commands';
import { PlatformError } from '../postgres/errors';
import { type CommandContext, type CommandResult, failed } from './command';
import { type CommandDefinition, COMMANDS } from './commands';
import { EXIT_CODE_HELP, ExitCode } from './exitCodes';
import { renderJson, renderProblems } from './report/print';

/** The command line's entry; `argv` without node and the script. Sets `process.exitCode` and never exits by itself. */
export function main(argv: string[]): void {
  run(argv).then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
      process.exitCode = ExitCode.failed;
    },
  );
}

async function run(argv: string[]): Promise<number> {
  let exitCode: number = ExitCode.done;
  const program = new Command('coachdb')
    .description('The PostgreSQL platform of InclusiveAI Coach: declare, deploy, operate.')
    .version(versionOf(), '--version', 'the version of this project')
    .addHelpText('after', EXIT_CODE_HELP)
    .configureHelp({ helpWidth: 80 })
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('Run with --help for what is accepted.');
  for (const definition of COMMANDS) {
    const command = declare(program, definition);
    command.action(async () => {
      exitCode = await execute(definition, command);
    });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  }
  return exitCode;
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as { version: string };
  return version;
}

/** `state export` is a command below a command; aliases are npm's. */
function declare(program: Command, definition: CommandDefinition): Command {
  const words = definition.name.split(' ');
  let parent = program;
  for (const word of words.slice(0, -1)) {
    const known = parent.commands.find((command) => command.name() === word);
    parent =
      known ?? parent.command(word).description(`${word} commands`).exitOverride().configureHelp({ helpWidth: 80 });
  }
  const command = parent
    .command(words.at(-1) ?? definition.name)
    .description(definition.description)
    .exitOverride()
    .configureHelp({ helpWidth: 80 })
    .enablePositionalOptions()
    .allowExcessArguments(false);
  command.option('--stack <stack>', 'the stack: local, dev or prod', 'local');
  command.option('--json', 'one JSON object on stdout', false);
  command.option('--verbose', 'more of what goes on, to stderr', false);
  for (const option of definition.options ?? []) command.addOption(option);
  for (const argument of definition.arguments ?? []) command.argument(argument);
  command.addHelpText(
    'after',
    definition.help === undefined ? EXIT_CODE_HELP : `\n${definition.help}\n${EXIT_CODE_HELP}`,
  );
  return command;
}

async function execute(definition: CommandDefinition, command: Command): Promise<number> {
  const startedAt = new Date();
  const options = command.opts<Record<string, unknown>>();
  const context = contextOf(options, command.getOptionValueSource('stack') === 'cli');
  let result: CommandResult;
  try {
    result = await definition.run(context, options, command.args);
  } catch (error) {
    if (!(error instanceof PlatformError) && context.verbose && error instanceof Error) {
      process.stderr.write(`${error.stack ?? error.message}\n`);
    }
    result = failed([error]);
  }
  // What was read from the database is printed as it is.
  const { problems } = result;
  if (definition.printsData !== true) result = allForStack(result, context.stack);
  else result = { ...result, problems: allForStack(problems, context.stack) };
  const durationMs = Date.now() - startedAt.getTime();
  if (context.json) {
    process.stdout.write(`${renderJson(definition.name, context.stack, startedAt, durationMs, result)}\n`);
  } else {
    if (result.text !== '') process.stdout.write(`${result.text}\n`);
    if (result.problems.length > 0) process.stderr.write(`${renderProblems(result.problems)}\n`);
  }
  return result.exitCode;
}

function contextOf(options: Record<string, unknown>, isStackNamed: boolean): CommandContext {
  const stack = String(options['stack']);
  const write = (line: string): boolean => process.stderr.write(forStack(line, stack));
  const terminal = process.stdin.isTTY && process.stderr.isTTY;
  const engine = options['engine'];
  return {
    root: projectRoot(),
    stack,
    isStackNamed,
    environment: process.env,
    json: options['json'] === true,
    yes: options['yes'] === true,
    verbose: options['verbose'] === true,
    engine: engine === 'pulumi' || engine === 'embedded' ? engine : undefined,
    progress: (line) => write(`${terminal ? CLEAR_LINE : ''}${line}\n`),
    passing: terminal
      ? (line) => write(`${CLEAR_LINE}${line.slice(0, (process.stderr.columns || 80) - 1)}`)
      : (line) => {
          if (line !== '') write(`${line}\n`);
        },
    signal: interruptSignal(),
    ignoreInterrupts: () => {
      process.removeAllListeners('SIGINT').on('SIGINT', () => undefined);
    },
    ask: terminal ? askOnTerminal : undefined,
  };
}

const CLEAR_LINE = '\r\u001b[K';

/** The first interrupt lets the step under way finish; the second one ends the process. */
function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(ExitCode.interrupted);
      process.stderr.write('\nInterrupted: finishing the step under way; again to stop at once.\n');
      controller.abort();
    });
  }
  return controller.signal;
}

async function askOnTerminal(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await terminal.question(question);
  } finally {
    terminal.close();
  }
}

/** The folder that holds Pulumi.yaml, from where this file was compiled to. */
function projectRoot(): string {
  let folder = resolve(__dirname);
  while (!existsSync(join(folder, 'Pulumi.yaml'))) {
    if (dirname(folder) === folder) {
      throw new PlatformError('no-project', `No Pulumi.yaml above ${__dirname}.`, 'Run from a complete checkout.', {
        kind: 'usage',
      });
    }
    folder = dirname(folder);
  }
  return folder;
}
