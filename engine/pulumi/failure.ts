import { type ErrorKind, PlatformError } from '../../system/errors';
import { lockError } from '../state/lock';
import { blockingLock } from '../state/lockFiles';

export interface PulumiEnd {
  exitCode: number | undefined;
  signal: NodeJS.Signals | undefined;
  /** What it printed outside of events. */
  stderr: string;
  /** Where the stack's lock files are, when the backend is a folder of this machine. */
  lockDirectory: string | undefined;
}

/** Exit codes of the CLI (pkg/cmd/pulumi/cmd/exit_codes.go). */
const STACK_NOT_FOUND = 6;
const CANCELLED = 8;
const LAST_LINES = 15;

interface Known {
  text: RegExp;
  code: string;
  remedy: string;
  kind: ErrorKind;
}

/** What the CLI says in words only: it gives all of these the exit code 1. */
const KNOWN: Known[] = [
  {
    text: /currently locked by \d+ lock|Another update is currently in progress|\[409\] Conflict/,
    code: 'stack-locked',
    remedy: 'Wait for the other run to end and try again. A lock of one that no longer runs goes with `pulumi cancel`.',
    kind: 'locked',
  },
  {
    text: /incorrect passphrase/,
    code: 'passphrase-wrong',
    remedy:
      'Give the one the stack was made with, by PULUMI_CONFIG_PASSPHRASE_FILE or PULUMI_CONFIG_PASSPHRASE. Nothing was changed.',
    kind: 'usage',
  },
  {
    text: /passphrase must be set|unable to read PULUMI_CONFIG_PASSPHRASE_FILE/,
    code: 'passphrase-missing',
    remedy: 'Set PULUMI_CONFIG_PASSPHRASE_FILE to the file the stack was made with.',
    kind: 'usage',
  },
  {
    text: /snapshot integrity failure|failed to load checkpoint|unmarshalling checkpoint|unsupported checkpoint version/,
    code: 'checkpoint-corrupted',
    remedy:
      'Bring back the last good state: the .bak file beside it, or one below .pulumi/backups. `pulumi state repair` mends wrong references.',
    kind: 'failed',
  },
  {
    text: /no resource plugin|could not find plugin|failed to install plugin|error downloading plugin/i,
    code: 'plugin-missing',
    remedy:
      'Pulumi downloads its provider plugins: check that this machine reaches https://get.pulumi.com, or install them with ' +
      '`pulumi plugin install`. The local stack also deploys without them: `--engine embedded`.',
    kind: 'failed',
  },
  {
    text: /no stack named/,
    code: 'stack-unknown',
    remedy: 'Make it with `pulumi stack init`, or give another one with --stack.',
    kind: 'usage',
  },
];

/** Why a run of Pulumi ended without doing its work; for one that ended with a summary of its own, see the collector. */
export function pulumiFailure(end: PulumiEnd): PlatformError {
  const text = plainText(end.stderr);
  const said = text.replace(/^error: /m, '').trim();
  if (end.exitCode === CANCELLED || end.signal === 'SIGINT') return interrupted();
  const known = KNOWN.find((entry) => entry.text.test(text)) ?? byExitCode(end.exitCode);
  if (known?.code === 'stack-locked' && end.lockDirectory !== undefined) {
    const blocking = blockingLock(end.lockDirectory);
    if (blocking !== undefined) return lockError(blocking);
  }
  if (known !== undefined) return new PlatformError(known.code, `Pulumi: ${said}`, known.remedy, { kind: known.kind });
  const how = end.signal === undefined ? `exit code ${String(end.exitCode)}` : `signal ${end.signal}`;
  return new PlatformError(
    'pulumi-failed',
    said === '' ? `Pulumi ended with ${how} and said nothing.` : `Pulumi: ${said}`,
    'Run again with --verbose; the same by hand is `npm run pulumi -- up`.',
  );
}

export function interrupted(): PlatformError {
  return new PlatformError(
    'interrupted',
    'The run was interrupted. Pulumi finished the step under way and stored the state.',
    'Run it again: it goes on from there.',
    { kind: 'interrupted' },
  );
}

/** The error of a run that Pulumi began with operations of a killed one still open. */
export function pendingFailure(operations: readonly string[]): PlatformError {
  return new PlatformError(
    'operations-pending',
    `An earlier run was killed in the middle of:\n${operations.map((operation) => `  ${operation}`).join('\n')}`,
    'Run `npm run up -- --repair-pending`: it forgets what nobody can know, and reads the rest again.',
  );
}

function byExitCode(exitCode: number | undefined): Known | undefined {
  return exitCode === STACK_NOT_FOUND ? KNOWN.find(({ code }) => code === 'stack-unknown') : undefined;
}

function plainText(stderr: string): string {
  // Colours, should a plugin print them.
  const escape = String.fromCharCode(27);
  const plain = stderr.split(escape).map((part, at) => (at === 0 ? part : part.replace(/^\[[\d;]*m/, '')));
  return plain.join('').trim().split('\n').slice(-LAST_LINES).join('\n');
}
