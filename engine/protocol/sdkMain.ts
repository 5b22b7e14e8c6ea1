/**
 * The process of `sdkProcess.ts`: loads the SDK and the modules it was given, waits to be told what to run, and hands over to the SDK's own
 * launcher, which finds argv, environment and folder as if it had been started with them.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { isPlain, type SdkStart } from './sdkProcess';
import { withoutDebugging } from './withoutDebugging';

const load = createRequire(__filename);
const [launcher = 'run', ...modules] = process.argv.slice(2);
const sdk = dirname(require.resolve('@pulumi/pulumi/package.json'));

// An engine killed with SIGKILL leaves no process behind: its end of the pipe closes.
process.stdin.on('end', () => process.exit(1));
process.stdin.on('error', () => process.exit(1));
process.stdin.resume();
process.stdin.unref();

process.once('message', (start: SdkStart) => {
  for (const name of Object.keys(process.env)) if (!(name in start.environment)) delete process.env[name];
  Object.assign(process.env, start.environment);
  process.chdir(start.cwd);
  const path = join(sdk, 'cmd', launcher, 'index.js');
  process.argv = [process.execPath, path, ...start.args];
  process.disconnect();
  renewStore();
  load(path);
});

if (!isPlain()) withoutDebugging(sdk);
for (const module of [join(sdk, 'index.js'), ...modules]) attempt(module);

declare global {
  /** The SDK's. */
  var globalStore: { resourcePackages: unknown; resourceModules: unknown } | undefined;
}

/**
 * The SDK reads project, stack and settings from the environment once, into a global store: it has to make it anew, now that they are known.
 * What the loaded packages registered in it stays, since they do so once.
 */
function renewStore(): void {
  const early = globalThis.globalStore;
  if (early === undefined) return;
  const { resourcePackages, resourceModules } = early;
  const become = (store: object): void => {
    const value = Object.assign(store, { resourcePackages, resourceModules });
    Object.defineProperty(globalThis, 'globalStore', { configurable: true, writable: true, value });
  };
  Object.defineProperty(globalThis, 'globalStore', { configurable: true, get: () => undefined, set: become });
}

/** What cannot be loaded is loaded again by the launcher, which reports it. */
function attempt(module: string): void {
  try {
    load(module);
  } catch {
    return;
  }
}
