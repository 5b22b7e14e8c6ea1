/**
 * What the dynamic-provider process calls for one of our resource types. Inputs and outputs are plain data: secrets arrive
 * unwrapped and are marked again by the engine. Only an error's message reaches the user, so it carries the remedy.
 */
export interface CheckFailure {
  property: string;
  reason: string;
}

/** What a preview's program adds to the inputs of each resource; `check` answers with the computed inputs then, and only then. */
export interface Asked {
  __preview?: boolean;
}

export interface Handler<I extends object, O extends I = I> {
  /** Validates and completes inputs; may add computed inputs, which previews show and nobody stores (handlers/computed.ts). */
  check(olds: Partial<I> | undefined, news: I & Asked): Promise<{ inputs: I; failures: CheckFailure[] }>;
  diff(id: string, olds: O, news: I): Promise<{ changes: boolean; replaces?: string[]; deleteBeforeReplace?: boolean }>;
  create(inputs: I): Promise<{ id: string; outs: O }>;
  /** An empty id says that the thing no longer exists. */
  read(id: string, props: O): Promise<{ id?: string; props?: O; inputs?: I }>;
  update(id: string, olds: O, news: I): Promise<{ outs: O }>;
  delete(id: string, props: O): Promise<void>;
}
