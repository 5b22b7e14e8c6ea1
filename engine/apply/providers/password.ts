import { randomInt } from 'node:crypto';

const CLASSES = {
  lower: 'abcdefghijklmnopqrstuvwxyz',
  upper: 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  numeric: '0123456789',
  special: '!@#$%&*()-_=+[]{}<>:?',
} as const;
export type CharacterClass = keyof typeof CLASSES;
export const CHARACTER_CLASSES: readonly CharacterClass[] = ['lower', 'upper', 'numeric', 'special'];

export interface PasswordOptions {
  /** In characters. */
  length: number;
  /** What the password is made of. */
  classes: Record<CharacterClass, boolean>;
  /** How many there have to be at least, of a class that is not used as well. */
  minimum: Record<CharacterClass, number>;
  /** Instead of the usual special characters. */
  special?: string;
}

/**
 * A random password: the minimum of each class, the rest from all used classes, every choice and the final order unbiased and from
 * the operating system's generator. Throws RangeError when no class is used or the minimums exceed the length.
 */
export function generatePassword({ length, classes, minimum, special }: PasswordOptions): string {
  const alphabet = (kind: CharacterClass): string[] =>
    Array.from(kind === 'special' && special !== undefined && special !== '' ? special : CLASSES[kind]);
  const all = CHARACTER_CLASSES.filter((kind) => classes[kind]).flatMap(alphabet);
  const least = CHARACTER_CLASSES.flatMap((kind) => pick(alphabet(kind), minimum[kind]));
  if (all.length === 0) throw new RangeError('A password needs at least one class of characters.');
  if (least.length > length)
    throw new RangeError(`The minimums add up to ${least.length}, more than length ${length}.`);
  return shuffle([...least, ...pick(all, length - least.length)]).join('');
}

function pick(alphabet: readonly string[], times: number): string[] {
  return Array.from({ length: times }, () => alphabet[randomInt(alphabet.length)] ?? '');
}

/** Fisher and Yates: each order is as likely as any other. */
function shuffle(characters: readonly string[]): string[] {
  const shuffled = [...characters];
  for (let at = shuffled.length - 1; at > 0; at -= 1) {
    const other = randomInt(at + 1);
    [shuffled[at], shuffled[other]] = [shuffled[other] ?? '', shuffled[at] ?? ''];
  }
  return shuffled;
}
