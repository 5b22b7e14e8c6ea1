import { forStack } from '../../../postgres/commands';
import { errorText, PlatformError } from '../../../system/errors';
import type { Asked, CheckFailure, Handler } from '../handler';

/** Inputs that `check` computes so that a preview says how a change is made. */
const COMPUTED = ['activation', 'plan'];
/** What every resource of ours has beside what its program declares; `stack` is for the commands that errors name. */
const ADDED = [...COMPUTED, 'stack', '__preview', '__provider'];

export function without<T extends object, K extends string>(properties: T, ...names: readonly K[]): Omit<T, K> {
  return stripped(properties, names);
}

/** Of properties that may have more than their type says. */
function stripped<T extends object>(properties: T, names: readonly string[]): T {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name))) as T;
}

/**
 * The handler as an engine calls it. What the engine and our resources add is taken from the properties, so that the handler sees what was
 * declared, and from `olds` and `props` what it returned itself. Computed inputs go to previews alone: an engine stores what `check` returned, and
 * those of a run that did something would stand against the next run's as if a person had changed them. Only an error's message crosses the
 * dynamic-provider process, so remedy, code and kind of a PlatformError go into it. `outputs`: the names of what only the handler knows.
 */
export function withRemedy<I extends object, O extends I>(
  own: Handler<I, O>,
  ...outputs: readonly (keyof O & string)[]
): Handler<I, O> {
  const declared = <T extends object>(news: T): T => stripped(news, [...ADDED, ...outputs]);
  const known = <T extends object>(olds: T): T => stripped(olds, ADDED);
  return {
    check: async (olds, news: I & Asked) => {
      const stack = stackOf(news);
      const before = olds === undefined ? undefined : known(olds);
      const { inputs, failures } = await telling(stack, () => own.check(before, declared(news)));
      const told = failures.map(({ property, reason }) => ({ property, reason: forStack(reason, stack ?? LOCAL) }));
      const shown = news.__preview === true ? inputs : (without(inputs, ...COMPUTED) as I);
      return { inputs: withStack(shown, stack), failures: told };
    },
    diff: (id, olds, news) => telling(stackOf(news), () => own.diff(id, known(olds), declared(news))),
    create: async (inputs) => {
      const stack = stackOf(inputs);
      const { id, outs } = await telling(stack, () => own.create(declared(inputs)));
      return { id, outs: withStack(outs, stack) };
    },
    read: async (id, before) => {
      const stack = stackOf(before);
      const found = await telling(stack, () => own.read(id, known(before)));
      const { props, inputs } = found;
      return {
        ...found,
        ...(props === undefined ? {} : { props: withStack(props, stack) }),
        ...(inputs === undefined ? {} : { inputs: withStack(inputs, stack) }),
      };
    },
    update: async (id, olds, news) => {
      const stack = stackOf(news);
      const { outs } = await telling(stack, () => own.update(id, known(olds), declared(news)));
      return { outs: withStack(outs, stack) };
    },
    delete: (id, props) => telling(stackOf(props), () => own.delete(id, known(props))),
  };
}

const LOCAL = 'local';

/** Undefined in a state from before there was such an input. */
function stackOf(properties: object): string | undefined {
  const { stack } = properties as { stack?: unknown };
  return typeof stack === 'string' ? stack : undefined;
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

/** A PlatformError as the failure of a property; '': of the resource as a whole. */
export function failureFrom(error: PlatformError, property = ''): CheckFailure {
  return { property, reason: errorText(error) };
}

/** A PlatformError of the work as a failure of the property. */
export async function failureOf(property: string, work: () => unknown): Promise<CheckFailure[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    return [failureFrom(error, property)];
  }
}
