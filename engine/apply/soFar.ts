import type { ResourceChange } from '../changes';

const DONE: Partial<Record<ResourceChange['operation'], string>> = {
  create: 'created',
  update: 'updated',
  replace: 'replaced',
  delete: 'deleted',
};

/** What a run that ends early has done: a sentence that names it. */
export function soFar(changes: readonly ResourceChange[]): string {
  const done = changes.flatMap(({ name, operation, error }) => {
    const word = error === undefined ? DONE[operation] : undefined;
    return word === undefined ? [] : [`${name} (${word})`];
  });
  return done.length === 0 ? 'Nothing was changed.' : `Done before it, and kept: ${done.join(', ')}.`;
}
