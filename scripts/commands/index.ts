import type { CommandDefinition } from './definition';
import { destroy } from './destroy';
import { preview } from './preview';
import { start, up } from './up';

export type { CommandDefinition } from './definition';

/** Every command, in the order --help lists them. */
export const COMMANDS: readonly CommandDefinition[] = [start, up, preview, destroy];
