import type { CommandContext } from '../../scripts/command';

/** A command without a process of its own, as from a script: nobody can be asked, and it says nothing on the way. */
export const commandContext = (
  given: Pick<CommandContext, 'root' | 'stack'> & Partial<CommandContext>,
): CommandContext => ({
  isStackNamed: true,
  environment: {},
  json: false,
  yes: true,
  verbose: false,
  engine: undefined,
  display: { columns: undefined, colour: false, verbose: false },
  progress: () => undefined,
  passing: () => undefined,
  signal: new AbortController().signal,
  ignoreInterrupts: () => undefined,
  ask: undefined,
  ...given,
});
