import { randomInt } from 'node:crypto';

import { PlatformError } from '../../../postgres/errors';
import type { CheckResult, DiffResult, Properties, ResourceProvider } from '../provider';

const TYPE = 'random:index/randomPassword:RandomPassword';
const CLASSES = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  numeric: '0123456789',
  special: '!@#$%&*()-_=+[]{}<>:?',
} as const;
type Class = keyof typeof CLASSES;
const ORDER: readonly Class[] = ['lower', 'upper', 'numeric', 'special'];

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
const INPUTS = ['length', 'keepers', 'overrideSpecial', ...Object.keys(DEFAULTS)];

/** Stand-in for Pulumi's random provider: RandomPassword only, with the real one's outputs. */
export function createRandomProvider(): ResourceProvider {
  return {
    check: (type, _olds, news) => Promise.resolve(check(type, news)),
    diff: (_type, _id, _olds, oldInputs, news) => Promise.resolve(diff(oldInputs, news)),
    create: (_type, inputs) => Promise.resolve({ id: 'none', outputs: outputsOf(inputs) }),
    // A generated value lives in the state and nowhere else.
    read: (_type, id, outputs) => Promise.resolve({ id, outputs }),
    update: (_type, _id, olds, _oldInputs, news) => Promise.resolve({ outputs: { ...olds, ...news } }),
    delete: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function check(type: string, news: Properties): CheckResult {
  if (type !== TYPE) {
    throw new PlatformError(
      'type-unsupported',
      `The embedded engine does not apply resources of type ${type}.`,
      'For everything but RandomPassword run with --engine pulumi.',
      { kind: 'refused', object: type },
    );
  }
  const failures = Object.keys(news)
    .filter((key) => !INPUTS.includes(key))
    .map((property) => ({ property, reason: `unknown; expected ${INPUTS.join(', ')}` }));
  const length = news['length'];
  if (length !== undefined && (typeof length !== 'number' || length < 1)) {
    failures.push({ property: 'length', reason: `is ${JSON.stringify(length)}, expected a number from 1` });
  }
  return { inputs: news, failures };
}

function diff(oldInputs: Properties, news: Properties): DiffResult {
  const changed = INPUTS.filter(
    (key) => JSON.stringify(news[key] ?? DEFAULTS[key]) !== JSON.stringify(oldInputs[key] ?? DEFAULTS[key]),
  );
  return { changed, replaces: changed };
}

function outputsOf(inputs: Properties): Properties {
  const full = { ...DEFAULTS, ...inputs };
  return { ...full, id: 'none', result: generate(full) };
}

/** Uniform over every text of that length with at least the asked number of each class. */
function generate(options: Properties): string {
  const wanted = ORDER.filter((kind) => options[kind] !== false);
  const alphabet = (kind: Class): string => {
    const override = options['overrideSpecial'];
    return kind === 'special' && typeof override === 'string' && override !== '' ? override : CLASSES[kind];
  };
  const all = wanted.map(alphabet).join('');
  const minimum = wanted.flatMap((kind) => {
    const least = options[`min${kind[0]?.toUpperCase() ?? ''}${kind.slice(1)}`];
    return Array.from({ length: typeof least === 'number' ? least : 0 }, () => pick(alphabet(kind)));
  });
  const length = Number(options['length']);
  const characters = [...minimum, ...Array.from({ length: length - minimum.length }, () => pick(all))];
  for (let at = characters.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [characters[at], characters[other]] = [characters[other] ?? '', characters[at] ?? ''];
  }
  return characters.join('');
}

function pick(alphabet: string): string {
  return alphabet[randomInt(alphabet.length)] ?? '';
}
