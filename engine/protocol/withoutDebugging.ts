import { createRequire } from 'node:module';
import { join } from 'node:path';

const load = createRequire(__filename);

/**
 * Leaves out what the SDK does for debuggers alone, where the engine is ours: its debug messages (each a call of its own, one after the other,
 * with whole requests in them, secrets in the clear), a stack trace for every promise, which only a search for leaked ones prints, and an
 * inspector session that follows every script for serialised functions, which the embedded engine refuses.
 */
export function withoutDebugging(sdk: string): void {
  dropDebugMessages(sdk);
  if (process.env['PULUMI_DEBUG_PROMISE_LEAKS'] === undefined) dropPromiseTraces(sdk);
  const hooks = join(sdk, 'runtime', 'closure', 'v8Hooks.js');
  require.cache[hooks] = {
    ...new (module.constructor as new (id: string) => NodeJS.Module)(hooks),
    filename: hooks,
    loaded: true,
    exports: {
      isInitializedAsync: () => Promise.resolve(),
      getSessionAsync: () => Promise.reject(new Error('Functions cannot be serialised by the embedded engine.')),
      getScriptUrl: () => undefined,
    },
  };
}

interface LogRequest {
  getSeverity(): number;
}
type Log = (this: unknown, request: LogRequest, ...rest: unknown[]) => unknown;

function dropDebugMessages(sdk: string): void {
  const { EngineClient } = load(join(sdk, 'proto', 'engine_grpc_pb.js')) as {
    EngineClient: { prototype: { log: Log } };
  };
  const { LogSeverity } = load(join(sdk, 'proto', 'engine_pb.js')) as { LogSeverity: { DEBUG: number } };
  const { log } = EngineClient.prototype;
  EngineClient.prototype.log = function quiet(request, ...rest) {
    const done = rest.at(-1);
    if (request.getSeverity() !== LogSeverity.DEBUG || typeof done !== 'function')
      return log.call(this, request, ...rest);
    setImmediate(() => (done as (error: null) => void)(null));
    return undefined;
  };
}

type Debuggable = (promise: Promise<unknown>, context: unknown) => Promise<unknown>;

function dropPromiseTraces(sdk: string): void {
  const debuggable = load(join(sdk, 'runtime', 'debuggable.js')) as { debuggablePromise: Debuggable };
  const traced = debuggable.debuggablePromise;
  debuggable.debuggablePromise = (promise, context) => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      return traced(promise, context);
    } finally {
      Error.stackTraceLimit = limit;
    }
  };
}
