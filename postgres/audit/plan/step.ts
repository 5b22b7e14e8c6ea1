import type { Step } from '../../steps/step';

const SIGN = { create: '+', change: '~', remove: '-' } as const;

/** `object` as a person would name it (`function maintain`), `detail` why, or what of it. `alone`: once everything else is committed. */
export function step(action: keyof typeof SIGN, object: string, detail: string, sql: string[], phase?: 'alone'): Step {
  return { action: `${SIGN[action]} ${object}: ${detail}`, sql, ...(phase === undefined ? {} : { phase }) };
}

export const sameSet = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && [...one].sort().every((entry, index) => entry === [...other].sort()[index]);
