import { errorText, PlatformError } from '../../../postgres/errors';
import type { CheckFailure, Handler } from '../handler';
import { computingForPreviews } from './computed';

/** Only an error's message crosses the dynamic-provider process, so remedy, code and kind of a PlatformError go into it. */
export function withRemedy<I extends object, O extends I>(own: Handler<I, O>): Handler<I, O> {
  const handler = computingForPreviews(own);
  return {
    check: (olds, news) => telling(() => handler.check(olds, news)),
    diff: (id, olds, news) => telling(() => handler.diff(id, olds, news)),
    create: (inputs) => telling(() => handler.create(inputs)),
    read: (id, props) => telling(() => handler.read(id, props)),
    update: (id, olds, news) => telling(() => handler.update(id, olds, news)),
    delete: (id, props) => telling(() => handler.delete(id, props)),
  };
}

async function telling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    throw new Error(errorText(error), { cause: error });
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
