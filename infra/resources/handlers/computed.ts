import type { Asked, Handler } from '../handler';

/** Inputs that `check` computes so that a preview says how a change is made. */
const COMPUTED: ReadonlySet<string> = new Set(['activation', 'plan']);

/**
 * Gives the computed inputs to previews alone. An engine stores what `check` returned, so those of a run that did something would stand against
 * the next run's as if a person had changed them.
 */
export function computingForPreviews<I extends object, O extends I>(handler: Handler<I, O>): Handler<I, O> {
  return {
    ...handler,
    check: async (olds, news: I & Asked) => {
      const declared = { ...news };
      delete declared.__preview;
      const { inputs, failures } = await handler.check(olds, declared);
      return { inputs: news.__preview === true ? inputs : withoutComputed(inputs), failures };
    },
  };
}

function withoutComputed<I extends object>(inputs: I): I {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !COMPUTED.has(name))) as I;
}
