import { PlatformError } from '../../../system/errors';
import {
  type CheckResult,
  type DiffResult,
  type Properties,
  type ResourceProvider,
  UNKNOWN,
  type Value,
} from '../provider';
import { count, RAW_STATE_KEY, text } from './attributes';
import { CHARACTER_CLASSES, type CharacterClass, generatePassword } from './password';

const TYPE = 'random:index/randomPassword:RandomPassword';

/** What the real provider stores for options that are not given. `number` is the older name of `numeric`; both are always the same. */
const DEFAULTS: Properties = {
  lower: true,
  minLower: 0,
  minNumeric: 0,
  minSpecial: 0,
  minUpper: 0,
  number: true,
  numeric: true,
  special: true,
  upper: true,
};
const FLAGS = ['lower', 'number', 'numeric', 'special', 'upper'];
const COUNTS = ['length', 'minLower', 'minNumeric', 'minSpecial', 'minUpper'];
const INPUTS = [...FLAGS, ...COUNTS, 'keepers', 'overrideSpecial'];

/**
 * Stand-in for Pulumi's random provider: RandomPassword only, with the real one's outputs but for `bcryptHash`, which nothing here
 * uses. State without it is to the real provider one of its first version, which it completes by itself and plans no change for.
 */
export function createRandomProvider(): ResourceProvider {
  return {
    check: (type, _olds, news) => Promise.resolve(check(type, news)),
    diff: (_type, _id, olds, _oldInputs, news) => Promise.resolve(diff(olds, news)),
    create: (_type, inputs) => Promise.resolve({ id: 'none', outputs: create(inputs) }),
    // A generated value lives in the state and nowhere else.
    read: (_type, id, outputs) => Promise.resolve({ id, outputs }),
    update: (_type, _id, olds, _oldInputs, news) => Promise.resolve({ outputs: update(olds, news) }),
    delete: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function check(type: string, news: Properties): CheckResult {
  if (type !== TYPE) {
    throw new PlatformError(
      'type-unsupported',
      `The embedded engine does not apply resources of type ${type}.`,
      `It applies ${TYPE}; for everything else run with --engine pulumi.`,
      { kind: 'refused', object: type },
    );
  }
  const given = Object.entries(news).filter(([, value]) => value !== null && value !== UNKNOWN);
  const failures = given.flatMap(([key, value]) => problemOf(key, value));
  if ((news['length'] ?? null) === null) failures.push({ property: 'length', reason: 'is missing' });
  return { inputs: news, failures: failures.length > 0 ? failures : combinationProblems(Object.fromEntries(given)) };
}

function problemOf(property: string, value: Value): CheckResult['failures'] {
  const expected = (what: string): CheckResult['failures'] => [
    { property, reason: `is ${JSON.stringify(value)}, expected ${what}` },
  ];
  if (!INPUTS.includes(property)) {
    const reason = `the embedded engine does not apply this property of ${TYPE}; it applies ${INPUTS.join(', ')}`;
    return [{ property, reason }];
  }
  if (FLAGS.includes(property) && typeof value !== 'boolean') return expected('true or false');
  if (COUNTS.includes(property)) {
    const least = property === 'length' ? 1 : 0;
    if (!Number.isInteger(value) || Number(value) < least) return expected(`a whole number from ${least}`);
  }
  if (property === 'overrideSpecial' && typeof value !== 'string') return expected('a text');
  if (property === 'keepers' && (typeof value !== 'object' || Array.isArray(value)))
    return expected('an object of texts');
  return [];
}

/** `given` has no unknown values in it, so that `length` may be missing here and be known later. */
function combinationProblems(given: Properties): CheckResult['failures'] {
  const { number, numeric, length } = given;
  const { classes, minimum } = optionsOf(given);
  const least = CHARACTER_CLASSES.reduce((sum, kind) => sum + minimum[kind], 0);
  const failures: CheckResult['failures'] = [];
  if (number !== undefined && numeric !== undefined && number !== numeric) {
    failures.push({ property: 'number', reason: 'is the older name of numeric and cannot differ from it' });
  }
  if (!CHARACTER_CLASSES.some((kind) => classes[kind])) {
    failures.push({ property: 'lower', reason: 'one of lower, upper, numeric and special has to be true' });
  }
  if (typeof length === 'number' && least > length) {
    failures.push({ property: 'length', reason: `is ${length}, less than the minimums of the classes (${least})` });
  }
  return failures;
}

/** Every option replaces the password, but that an empty `overrideSpecial` or null `keepers` are left out. */
function diff(olds: Properties, news: Properties): DiffResult {
  const wanted = completed(news);
  const changed = INPUTS.filter((key) => meaning(wanted[key]) !== meaning(olds[key] ?? DEFAULTS[key]));
  return { changed, replaces: changed };
}

function meaning(value: Value | undefined): string {
  if (value === undefined || value === null || value === '') return 'null';
  if (typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== null);
  return entries.length === 0 ? 'null' : JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function completed(inputs: Properties): Properties {
  const given = Object.fromEntries(Object.entries(inputs).filter(([, value]) => value !== null));
  const numeric = given['numeric'] ?? given['number'] ?? true;
  return { ...DEFAULTS, ...given, number: numeric, numeric };
}

function optionsOf(inputs: Properties): {
  classes: Record<CharacterClass, boolean>;
  minimum: Record<CharacterClass, number>;
} {
  const full = completed(inputs);
  const each = <T>(value: (kind: CharacterClass) => T): Record<CharacterClass, T> => ({
    lower: value('lower'),
    upper: value('upper'),
    numeric: value('numeric'),
    special: value('special'),
  });
  return {
    classes: each((kind) => full[kind] === true),
    minimum: each((kind) => count(full, `min${kind.charAt(0).toUpperCase()}${kind.slice(1)}`, 0)),
  };
}

function create(inputs: Properties): Properties {
  const special = text(inputs, 'overrideSpecial');
  const result = generatePassword({ length: count(inputs, 'length', 0), special, ...optionsOf(inputs) });
  return { ...completed(inputs), id: 'none', result };
}

/** Only what leaves the password as it is comes here. */
function update(olds: Properties, news: Properties): Properties {
  const kept = Object.entries(olds).filter(([key]) => !INPUTS.includes(key) && key !== RAW_STATE_KEY);
  return { ...Object.fromEntries(kept), ...completed(news) };
}
