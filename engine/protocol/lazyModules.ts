/**
 * Preloaded into the SDK's processes: packages that `@pulumi/pulumi` loads at every start and uses only to serialise functions (never done
 * here: the shims are plain text) or to send traces are loaded when first used.
 * Source maps are not registered: the SDK takes a stack trace for each resource, and mapping them costs as much again.
 */
import Module from 'node:module';

const HEAVY = new Set([
  'typescript',
  '@npmcli/arborist',
  'normalize-package-data',
  'fdir',
  '@opentelemetry/exporter-zipkin',
  '@opentelemetry/instrumentation',
  '@opentelemetry/instrumentation-grpc',
  '@opentelemetry/resources',
  '@opentelemetry/sdk-trace-base',
  '@opentelemetry/sdk-trace-node',
]);
const LEFT_OUT = 'source-map-support/register';

type Load = (this: unknown, request: string, parent: unknown, isMain: boolean) => unknown;
const loader = Module as unknown as { _load: Load };
const original = loader._load;

loader._load = function load(this: unknown, request: string, parent: unknown, isMain: boolean): unknown {
  if (request === LEFT_OUT) return {};
  if (!HEAVY.has(request)) return original.call(this, request, parent, isMain);
  let real: Record<PropertyKey, unknown> | undefined;
  const get = (): Record<PropertyKey, unknown> =>
    (real ??= original.call(this, request, parent, isMain) as Record<PropertyKey, unknown>);
  return new Proxy(
    {},
    {
      get: (_target, key) => {
        // Looked at by every compiled import: answering it must not load the package.
        if (key === '__esModule') return true;
        return key === 'default' ? get() : get()[key];
      },
      has: (_target, key) => key in get(),
      ownKeys: () => Reflect.ownKeys(get()),
      getOwnPropertyDescriptor: (_target, key) => {
        const descriptor = Object.getOwnPropertyDescriptor(get(), key);
        return descriptor === undefined ? undefined : { ...descriptor, configurable: true };
      },
    },
  );
};
