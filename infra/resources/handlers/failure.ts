import { forStack } from '../../../postgres/commands';
import { errorText, PlatformError } from '../../../postgres/errors';
import type { CheckFailure, Handler } from '../handler';
import { computingForPreviews } from './computed';

/**
 * Only an error's message crosses the dynamic-provider process, so remedy, code and kind of a PlatformError go into it. The input `stack`,
 * which every resource of ours has, is for the commands that errors name; the handler itself never sees it.
 */
export function withRemedy<I extends object, O extends I>(own: Handler<I, O>): Handler<I, O> {
  const handler = computingForPreviews(own);
  return {
    check: async (olds, news) => {
      const stack = stackOf(news);
      const before = olds === undefined ? undefined : withoutStack(olds);
      const { inputs, failures } = await telling(stack, () => handler.check(before, withoutStack(news)));
      const told = failures.map(({ property, reason }) => ({ property, reason: forStack(reason, stack ?? LOCAL) }));
      return { inputs: withStack(inputs, stack), failures: told };
    },
    diff: (id, olds, news) => telling(stackOf(news), () => handler.diff(id, withoutStack(olds), withoutStack(news))),
    create: async (inputs) => {
      const stack = stackOf(inputs);
      const { id, outs } = await telling(stack, () => handler.create(withoutStack(inputs)));
      return { id, outs: withStack(outs, stack) };
    },
    read: async (id, before) => {
      const stack = stackOf(before);
      const found = await telling(stack, () => handler.read(id, withoutStack(before)));
      const { props, inputs } = found;
      return {
        ...found,
        ...(props === undefined ? {} : { props: withStack(props, stack) }),
        ...(inputs === undefined ? {} : { inputs: withStack(inputs, stack) }),
      };
    },
    update: async (id, olds, news) => {
      const stack = stackOf(news);
      const { outs } = await telling(stack, () => handler.update(id, withoutStack(olds), withoutStack(news)));
      return { outs: withStack(outs, stack) };
    },
    delete: (id, props) => telling(stackOf(props), () => handler.delete(id, withoutStack(props))),
  };
}

const LOCAL = 'local';

/** Undefined in a state from before there was such an input. */
function stackOf(properties: object): string | undefined {
  const { stack } = properties as { stack?: unknown };
  return typeof stack === 'string' ? stack : undefined;
}

function withoutStack<T extends object>(properties: T): T {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => name !== 'stack')) as T;
}

const withStack = <T extends object>(properties: T, stack: string | undefined): T =>
  stack === undefined ? properties : { ...properties, stack };

async function telling<T>(stack: string | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    throw new Error(forStack(errorText(error), stack ?? LOCAL), { cause: error });
  }
}

/** A PlatformError of the work as a failure of the property. */
export async function failureOf(property: string, work: () => unknown): Promise<CheckFailure[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return [{ property, reason: errorText(error) }];
  }
}
