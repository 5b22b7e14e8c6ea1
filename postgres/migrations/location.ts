/** A location in a text, counted as a person does: from 1, in characters and not in bytes or UTF-16 units. */
export interface SourceLocation {
  line: number;
  column: number;
  /** The line's text, cut around it when it is long, with the caret below it. */
  excerpt: string;
}

/** Characters of a line shown left and right of the location. */
const CONTEXT = 60;

/**
 * The UTF-16 offset, in the whole text, of a `position` that PostgreSQL reports for the part of it that begins at `start`:
 * from 1, in characters (code points).
 */
export function offsetOfPosition(text: string, start: number, position: number): number {
  let offset = start;
  for (let characters = 1; characters < position && offset < text.length; characters += 1)
    offset += String.fromCodePoint(text.codePointAt(offset) ?? 0).length;
  return offset;
}

export function locationAt(text: string, offset: number): SourceLocation {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  const line = text.slice(0, lineStart).split('\n').length;
  const nextBreak = text.indexOf('\n', lineStart);
  const content = text.slice(lineStart, nextBreak === -1 ? text.length : nextBreak).replace(/\r$/, '');
  const before = [...content.slice(0, offset - lineStart)];
  const after = [...content.slice(offset - lineStart)];

  const cutBefore = before.length > CONTEXT;
  const shownBefore = cutBefore ? ['…', ...before.slice(-CONTEXT)] : before;
  const shownAfter = after.length > CONTEXT ? [...after.slice(0, CONTEXT), '…'] : after;
  const gutter = `${line} | `;
  const blank = `${' '.repeat(String(line).length)} | `;
  const caret = shownBefore.map(padding).join('');
  return {
    line,
    column: before.length + 1,
    excerpt: `${gutter}${[...shownBefore, ...shownAfter].join('')}\n${blank}${caret}^`,
  };
}

/** White space as wide as the character is on a terminal, so that the caret stands below the right one. */
function padding(character: string): string {
  if (character === '\t') return '\t';
  if (/\p{M}|\u200d/u.test(character)) return '';
  const wide =
    /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|[\u3000-\u303f\uff01-\uff60]/u;
  return wide.test(character) ? '  ' : ' ';
}
