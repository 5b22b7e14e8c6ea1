import { delimiter, dirname } from 'node:path';

export type PulumiOperation = 'up' | 'preview' | 'refresh' | 'destroy';

export interface PulumiCommand {
  operation: PulumiOperation;
  /** Only say what would be done; for `refresh` and `destroy`. */
  dryRun?: boolean;
  stack: string;
  /** The copy of the stack's settings that holds the encryption salt. */
  configFile?: string;
  /** Read the real resources first; for `up`, `preview`, `destroy`. */
  refresh?: boolean;
  /** Replace these whatever their difference says. */
  replaceUrns?: readonly string[];
  /** Work on these and nothing else. */
  targetUrns?: readonly string[];
}

/** The arguments of one run, which asks nothing and streams its events to stdout. */
export function pulumiArguments(command: PulumiCommand): string[] {
  const { operation, dryRun = false } = command;
  const previewOnly = dryRun && operation !== 'preview' && operation !== 'up';
  const approval = operation === 'preview' ? [] : previewOnly ? ['--preview-only'] : ['--yes', '--skip-preview'];
  return [
    dryRun && operation === 'up' ? 'preview' : operation,
    ...(dryRun && operation === 'up' ? [] : approval),
    '--non-interactive',
    '--color=never',
    '--json',
    `--stack=${command.stack}`,
    ...(command.configFile === undefined ? [] : [`--config-file=${command.configFile}`]),
    ...(command.refresh === true && operation !== 'refresh' ? ['--refresh'] : []),
    ...(command.replaceUrns ?? []).map((urn) => `--replace=${urn}`),
    ...(command.targetUrns ?? []).map((urn) => `--target=${urn}`),
  ];
}

export interface PulumiSurroundings {
  /** Pulumi's program; its folder goes first on PATH, since its language plugins lie beside it. */
  program: string;
  /** What the run is started from. */
  environment: NodeJS.ProcessEnv;
  /** Used unless the environment gives a passphrase already. */
  passphraseFile?: string;
  /** The state's place as a URL; else Pulumi.yaml's. */
  backendUrl?: string;
  /** A module that every Node process of the run loads first. */
  preload?: string;
}

export function pulumiEnvironment(surroundings: PulumiSurroundings): NodeJS.ProcessEnv {
  const { program, environment, passphraseFile, backendUrl, preload } = surroundings;
  const given = environment['PULUMI_CONFIG_PASSPHRASE'] ?? environment['PULUMI_CONFIG_PASSPHRASE_FILE'];
  const nodeOptions = [environment['NODE_OPTIONS'], preload === undefined ? undefined : `--require ${quoted(preload)}`];
  // What the postgresql provider is not told it would take from these.
  const kept = Object.entries(environment).filter(([name]) => !/^PG[A-Z]/.test(name));
  const options = nodeOptions.filter((option) => option !== undefined && option !== '').join(' ');
  return {
    ...Object.fromEntries(kept),
    PATH: [dirname(program), environment['PATH'] ?? ''].join(delimiter),
    PULUMI_SKIP_UPDATE_CHECK: 'true',
    // `preview --json` otherwise prints one digest at its end.
    PULUMI_ENABLE_STREAMING_JSON_PREVIEW: 'true',
    ...(given === undefined && passphraseFile !== undefined ? { PULUMI_CONFIG_PASSPHRASE_FILE: passphraseFile } : {}),
    ...(backendUrl === undefined ? {} : { PULUMI_BACKEND_URL: backendUrl }),
    ...(options === '' ? {} : { NODE_OPTIONS: options }),
  };
}

/** As NODE_OPTIONS wants a path with spaces. */
function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`;
}
