import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Command, CommanderError, Help, type Option } from 'commander';

import { allForStack, forStack } from '../postgres/commands';
import { PlatformError } from '../system/errors';
import { projectRoot } from '../system/projectRoot';
import { type CommandResult, failed } from './command';
import { type CommandDefinition, COMMANDS } from './commands/index';
import { EXIT_CODE_HELP, ExitCode } from './exitCodes';
import { giveToOwner } from './ownership';
import { PLAIN, textFor, wrapLines } from './report/display';
import { renderJson, renderProblems } from './report/print';
import { taskDescription } from './task/description';
import { reportLines } from './task/outcome';
import { contextOf, displayOf, Interrupts } from './terminal';

/** The command line's entry; `argv` without node and the script. Sets `process.exitCode`; an interrupt alone ends the process. */
export function main(argv: string[]): void {
  const startedAt = new Date();
  process.once('exit', () => giveToOwner(projectRoot(__dirname)));
  run(argv).then(
    (code) => {
      process.exitCode = code;
      // Interrupted, what a command was reading may go on for long.
      if (code === ExitCode.interrupted) process.exit();
    },
    (error: unknown) => {
      const outcome = { command: commandOf(argv), stack: 'local', startedAt, json: argv.includes('--json') };
      process.exitCode = print(failed([error]), outcome);
    },
  );
}

async function run(argv: string[]): Promise<number> {
  const startedAt = new Date();
  const json = argv.includes('--json');
  let exitCode: number = ExitCode.done;
  const program = new Command('coachdb')
    .description('The PostgreSQL platform of InclusiveAI Coach: declare, deploy, operate.')
    .version(versionOf(), '--version', 'the version of this project')
    .addHelpText('after', EXIT_CODE_HELP)
    .configureHelp(HELP)
    .configureOutput({ writeErr: (text) => (json ? undefined : tell(text)) })
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError(`${REMEDY}.`);
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
    if (error.exitCode === 0) return ExitCode.done;
    if (!json) return ExitCode.usage;
    const message = error.code === 'commander.help' ? 'No command was given.' : error.message.replace(/^error: /, '');
    const usage = new PlatformError('usage', message, `${REMEDY}.`, { kind: 'usage' });
    return print(failed([usage]), { command: commandOf(argv), stack: 'local', startedAt, json });
  }
  return exitCode;
}

function tell(text: string): void {
  process.stderr.write(wrapLines(text, displayOf(process.stderr, false)));
}

const REMEDY = 'Run with --help for what is accepted';

/** A flag that is off by itself needs no default said. */
const HELP = {
  helpWidth: 80,
  optionDescription: (option: Option): string => {
    const { defaultValue } = option as { defaultValue: unknown };
    const silent = defaultValue === false || (Array.isArray(defaultValue) && defaultValue.length === 0);
    const shown = silent ? Object.assign(Object.create(option) as Option, { defaultValue: undefined }) : option;
    return new Help().optionDescription(shown);
  },
};

/** The words before the first option. */
function commandOf(argv: readonly string[]): string {
  const end = argv.findIndex((word) => word.startsWith('-'));
  return argv.slice(0, end < 0 ? argv.length : end).join(' ');
}

function versionOf(): string {
  const { version } = JSON.parse(readFileSync(join(projectRoot(__dirname), 'package.json'), 'utf8')) as {
    version: string;
  };
  return version;
}

/** `state export` is a command below a command; aliases are npm's. */
function declare(program: Command, definition: CommandDefinition): Command {
  const words = definition.name.split(' ');
  let parent = program;
  for (const word of words.slice(0, -1)) {
    const known = parent.commands.find((command) => command.name() === word);
    parent = known ?? parent.command(word).description(`${word} commands`).exitOverride().configureHelp(HELP);
  }
  const command = parent
    .command(words.at(-1) ?? definition.name)
    .description(definition.description)
    .exitOverride()
    .configureHelp(HELP)
    .enablePositionalOptions()
    .allowExcessArguments(definition.passesThrough === true);
  if (definition.passesThrough === true) {
    return command.argument('[arguments...]').helpOption(false).allowUnknownOption().passThroughOptions();
  }
  command.option('--stack <stack>', 'the stack: local, dev or prod', 'local');
  command.option('--json', 'one JSON object on stdout', false);
  command.option('--verbose', 'more of what goes on, to stderr', false);
  for (const option of definition.options ?? []) command.addOption(option);
  for (const argument of definition.arguments ?? []) command.argument(argument);
  command.addHelpText(
    'after',
    definition.help === undefined
      ? EXIT_CODE_HELP
      : `\n${wrapLines(definition.help, { ...PLAIN, columns: HELP.helpWidth })}\n${EXIT_CODE_HELP}`,
  );
  return command;
}

/** `audit --stack dev verify`: what stands before a command's last word is said of that command. */
function inheritOptions(command: Command): void {
  for (let { parent } = command; parent !== null; { parent } = parent) {
    for (const { long } of parent.options.filter(
      (option) => parent?.getOptionValueSource(option.attributeName()) === 'cli',
    )) {
      const own = command.options.find((option) => option.long === long);
      if (own === undefined)
        command.error(`error: unknown option '${long}' of ${command.name()}`, { code: 'commander.unknownOption' });
      const name = own.attributeName();
      if (command.getOptionValueSource(name) !== 'cli')
        command.setOptionValueWithSource(name, parent.getOptionValue(name), 'cli');
    }
  }
}

async function execute(definition: CommandDefinition, command: Command): Promise<number> {
  const startedAt = new Date();
  inheritOptions(command);
  const task = taskDescription(process.env);
  const options = { stack: 'local', ...command.opts<Record<string, unknown>>(), ...(task && { stack: task.stack }) };
  const interrupts = new Interrupts(definition.finishesSteps === true);
  const stack = String(options['stack']);
  const context = contextOf(
    projectRoot(__dirname),
    options,
    task !== undefined || command.getOptionValueSource('stack') === 'cli',
    interrupts,
  );
  let result: CommandResult;
  try {
    const work = definition.run(context, options, command.args);
    result = await (definition.finishesSteps === true ? work : Promise.race([work, interrupts.ending]));
  } catch (error) {
    if (!(error instanceof PlatformError) && context.verbose && error instanceof Error) {
      process.stderr.write(`${error.stack ?? error.message}\n`);
    }
    result = failed([error]);
  }
  // What was read from the database is printed as it is.
  const printsData = definition.printsData === true;
  const outcome = { command: definition.name, stack, startedAt, json: context.json, printsData, options };
  return task === undefined ? print(result, outcome) : printToLog(result, outcome);
}

interface Outcome {
  command: string;
  stack: string;
  startedAt: Date;
  json: boolean;
  printsData?: boolean;
  options?: Record<string, unknown>;
}

/** In the task: for whoever follows its log, and for alarms. */
function printToLog({ status, exitCode, problems, fields, text }: CommandResult, { command, stack }: Outcome): number {
  const report = { command, stack, status, exitCode, fields: allForStack(fields, stack) };
  const shown = forStack(textFor(text, PLAIN).trimEnd(), stack);
  const lines = reportLines({ ...report, problems: allForStack(problems, stack), text: shown });
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  return exitCode;
}

/** The one JSON object, or text and problems for people; returns the exit code. */
function print(result: CommandResult, outcome: Outcome): number {
  const { command, stack, startedAt, json, printsData = false, options = {} } = outcome;
  const problems = allForStack(result.problems, stack);
  if (json) {
    const fields = printsData ? result.fields : allForStack(result.fields, stack);
    const durationMs = Date.now() - startedAt.getTime();
    process.stdout.write(`${renderJson(command, stack, startedAt, durationMs, { ...result, fields, problems })}\n`);
  } else {
    const text = textFor(result.text, displayOf(process.stdout, options['verbose'] === true));
    if (text !== '') process.stdout.write(`${printsData ? text : forStack(text, stack)}\n`);
    if (problems.length > 0) process.stderr.write(`${renderProblems(problems, displayOf(process.stderr, false))}\n`);
  }
  return result.exitCode;
}
