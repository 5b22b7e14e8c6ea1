import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import { isRunning } from '../system/processes';
import { projectRoot } from '../system/projectRoot';

const ROOT = projectRoot(__dirname);
const COPIED = [
  'infra',
  'stacks',
  'components',
  'postgres',
  'engine',
  'policies',
  'functions',
  'system',
  'scripts',
  'benchmarks',
  'app',
  'dist',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'Pulumi.yaml',
  'Pulumi.local.yaml',
  'Pulumi.dev.yaml',
  'Pulumi.prod.yaml',
];

export interface CliResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * A copy of this project in a folder of its own (node_modules shared), so that its local stack is a test's alone. The build is
 * copied too: run `npm run build` before the tests.
 */
export class TestProject {
  readonly root: string;

  constructor(prefix = 'coach-project-') {
    this.root = mkdtempSync(join(tmpdir(), prefix));
    chmodSync(this.root, 0o755);
    for (const name of COPIED) {
      if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(this.root, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'));
    // Two copies that start at once would both find 5432 free.
    mkdirSync(join(this.root, '.coachdb', 'local'), { recursive: true, mode: 0o711 });
    writeFileSync(join(this.root, '.coachdb', 'local', 'port'), `${20_000 + Math.floor(Math.random() * 12_000)}\n`);
  }

  /** Runs `coachdb` to its end. */
  run(args: string[], environment: NodeJS.ProcessEnv = {}): Promise<CliResult> {
    return new Promise((resolve) => {
      const options = { cwd: this.root, env: { ...cleanEnvironment(), ...environment }, maxBuffer: 64 * 1024 * 1024 };
      execFile(process.execPath, [this.launcher, ...args], options, (error, stdout, stderr) => {
        const failure = error as (Error & { code?: number | string; signal?: NodeJS.Signals }) | null;
        const code = failure === null ? 0 : typeof failure.code === 'number' ? failure.code : null;
        resolve({ code, signal: failure?.signal ?? null, stdout, stderr });
      });
    });
  }

  /** The JSON object of a command run with --json. */
  async json(
    args: string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<CliResult & { report: Record<string, unknown> }> {
    const result = await this.run([...args, '--json'], environment);
    return { ...result, report: JSON.parse(result.stdout) as Record<string, unknown> };
  }

  /** Starts `coachdb` without waiting for it. */
  start(args: string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(process.execPath, [this.launcher, ...args], {
      cwd: this.root,
      env: { ...cleanEnvironment(), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Changes a `coach:` setting of the local stack; undefined takes it out. */
  set(key: string, value: unknown, stack = 'local'): void {
    const path = join(this.root, `Pulumi.${stack}.yaml`);
    const file = (parse(readFileSync(path, 'utf8')) ?? {}) as { config?: Record<string, unknown> };
    const config = Object.entries(file.config ?? {}).filter(([name]) => name !== `coach:${key}`);
    const added = value === undefined ? [] : [[`coach:${key}`, value] as [string, unknown]];
    writeFileSync(path, stringify({ ...file, config: Object.fromEntries([...config, ...added]) }));
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  get port(): number {
    return Number(readFileSync(this.path('.coachdb', 'local', 'port'), 'utf8'));
  }

  /** Ends the server without a checkpoint, since its data goes too, and removes the folder. */
  async remove(): Promise<void> {
    const pid = this.serverProcess();
    if (pid === undefined) {
      if (!existsSync(this.path('.coachdb', 'local', 'data', 'PG_VERSION'))) await this.run(['destroy', '--yes']);
    } else {
      process.kill(pid, 'SIGQUIT');
      while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Of a server at work in this folder; one that lies elsewhere is the command line's to find. */
  private serverProcess(): number | undefined {
    const data = this.path('.coachdb', 'local', 'data');
    try {
      const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
      return isRunning(pid) && readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data) ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  private get launcher(): string {
    return join(this.root, 'scripts', 'coachdb.cjs');
  }
}

/** Without what the surrounding shell or test runner would tell the command line. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PULUMI_|VITEST|NODE_OPTIONS|SUDO_|npm_|COACH|DATABASE_|DIRECT_URL)/.test(name),
  );
  return Object.fromEntries(kept);
}
