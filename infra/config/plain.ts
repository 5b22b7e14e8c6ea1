import type { Plain, PlainObject } from '../../postgres/spec/schema';

/** Deeper or bigger than any settings; a cycle ends here as well. */
const DEEPEST = 32;
const MOST_VALUES = 50_000;

export type PlainResult = { value: Plain } | { refused: string };

/**
 * A deep copy of any value as JSON, or why there is none: a function, a cycle, a getter that throws, ... Never throws itself.
 * Undefined becomes null, which settings read as not set.
 */
export function toPlain(value: unknown): PlainResult {
  let left = MOST_VALUES;
  const copy = (input: unknown, depth: number): Plain => {
    left -= 1;
    if (depth > DEEPEST) throw new Refusal(`nested more than ${DEEPEST} levels deep`);
    if (left < 0) throw new Refusal(`more than ${MOST_VALUES} values`);
    if (input === undefined || input === null) return null;
    if (typeof input === 'boolean' || typeof input === 'number' || typeof input === 'string') return input;
    if (typeof input !== 'object') throw new Refusal(`a ${typeof input}`);
    if (Array.isArray(input)) {
      if (input.length > left) throw new Refusal(`more than ${MOST_VALUES} values`);
      return Array.from(input, (item) => copy(item, depth + 1));
    }
    if (!isPlainPrototype(input)) throw new Refusal('an object of a class');
    const result = Object.create(null) as PlainObject;
    for (const key of Object.keys(input)) {
      if (key === '__proto__') throw new Refusal('the key __proto__');
      result[key] = copy((input as Record<string, unknown>)[key], depth + 1);
    }
    return result;
  };
  try {
    return { value: copy(value, 0) };
  } catch (error) {
    // A hostile getter may throw anything; only our own text is shown.
    return { refused: error instanceof Refusal ? error.why : 'something that cannot be read' };
  }
}

/** JSON's and YAML's objects, of this realm or another; no Date, Map, Set, ... whose content is not in its keys. */
function isPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

class Refusal extends Error {
  constructor(readonly why: string) {
    super(why);
  }
}
