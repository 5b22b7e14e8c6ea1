import type { Option } from 'commander';

import type { CommandContext, CommandResult } from '../command';

/** One command: its words, flags and function. `options` holds what commander parsed, by camel-cased name. */
export interface CommandDefinition {
  /** `up`, or two words for a command below a command: `state export`. */
  name: string;
  description: string;
  options?: Option[];
  /** commander's notation: `<name>`, `[name]`. */
  arguments?: string[];
  /** Printed below the options by --help. */
  help?: string;
  /** Everything after its name is another program's, options too. */
  passesThrough?: true;
  /** Its result is data, in which no command is looked for. */
  printsData?: true;
  /** An interrupt lets the step under way finish (`context.signal`); any other command ends at once. */
  finishesSteps?: true;
  run: (context: CommandContext, options: Record<string, unknown>, args: string[]) => Promise<CommandResult>;
}
