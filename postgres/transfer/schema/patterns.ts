import { Untranslatable } from './expression';

/** GLOB as a regular expression of PostgreSQL, over bytes' order (COLLATE "C"). */
export function globPattern(glob: string): string {
  const characters = [...glob];
  let regex = '';
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] ?? '';
    if (character === '*') regex += '.*';
    else if (character === '?') regex += '.';
    else if (character !== '[') regex += escaped(character);
    else {
      const isNot = characters[at + 1] === '^';
      const from = at + (isNot ? 2 : 1);
      // A bracket that is first stands for itself.
      const end = characters.indexOf(']', from + 1);
      if (end === -1) throw new Untranslatable('has a pattern with an open bracket');
      regex += setOf(characters.slice(from, end), isNot);
      at = end;
    }
  }
  return `^(?:${regex})$`;
}

function setOf(members: readonly string[], isNot: boolean): string {
  if (members.length === 1 && !isNot) return escaped(members[0] ?? '');
  // What else means something inside brackets is rare enough to be left out.
  if (members.some((one) => '[]\\^'.includes(one)))
    throw new Untranslatable('has a pattern with a set of special characters');
  for (let at = 0; at < members.length; at += 1) {
    const isRange = members[at + 1] === '-' && at + 2 < members.length;
    if (members[at] === '-' || (isRange && (members[at] ?? '') > (members[at + 2] ?? '')))
      throw new Untranslatable('has a pattern with a set that is not understood');
    if (isRange) at += 2;
  }
  return `[${isNot ? '^' : ''}${members.join('')}]`;
}

const escaped = (character: string): string =>
  /[\p{L}\p{N}\s_]/u.test(character) || !/[!-~]/.test(character) ? character : `\\${character}`;
