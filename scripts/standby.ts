import { homedir } from 'node:os';
import { join } from 'node:path';

import { prepareSdk } from '../engine/protocol/sdkProcess';
import { locatePulumi } from '../engine/pulumi/locate';
import { handlersOf } from './handlers';

/** Which processes of the SDK a command needs when the embedded engine runs it. */
const NEEDS: Record<string, { program: boolean; handlers: boolean }> = {
  start: { program: true, handlers: true },
  up: { program: true, handlers: true },
  preview: { program: true, handlers: true },
  graph: { program: true, handlers: false },
  refresh: { program: false, handlers: true },
  destroy: { program: false, handlers: true },
};

/**
 * Has the SDK's processes started while the command line is still being loaded. Only a guess: what is not claimed ends unused, and what
 * was not foreseen is started when it is needed.
 */
export function prepareFor(argv: readonly string[], root: string): void {
  const needs = NEEDS[argv[0] ?? ''];
  if (needs === undefined || argv.includes('--help') || argv.includes('-h')) return;
  if (needs.handlers && !isEmbedded(argv)) return;
  if (needs.program) prepareSdk('run', [join(root, 'dist', 'infra', 'index.js')]);
  if (needs.handlers) prepareSdk('dynamic-provider', handlersOf(root));
}

function isEmbedded(argv: readonly string[]): boolean {
  const engine = argv.findIndex((word) => word === '--engine');
  if (engine >= 0) return argv[engine + 1] === 'embedded';
  return locatePulumi({ pathVariable: process.env['PATH'], home: homedir() }) === undefined;
}
