import { wrap } from './display';

/** East Asian characters and emoji take two columns of a terminal, marks none. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MARK = /\p{Mn}|\p{Me}/u;

/** Columns that a printable text takes on a terminal. */
export function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  return [...text].reduce((sum, character) => sum + (MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1), 0);
}

export function pad(text: string, width: number, toTheRight = false): string {
  const spaces = ' '.repeat(Math.max(width - displayWidth(text), 0));
  return toTheRight ? spaces + text : text + spaces;
}

/** A text in lines of at most `width` columns, broken between words and, where one is longer, inside it. */
export function fill(text: string, width: number | undefined): string[] {
  if (width === undefined) return [text];
  return wrap(text, width).flatMap((line) => (displayWidth(line) <= width ? [line] : pieces(line, width)));
}

function pieces(line: string, width: number): string[] {
  const found: string[] = [];
  let [piece, taken] = ['', 0];
  for (const character of line) {
    const more = displayWidth(character);
    if (piece !== '' && taken + more > width) {
      found.push(piece);
      [piece, taken] = ['', 0];
    }
    [piece, taken] = [piece + character, taken + more];
  }
  return [...found, piece];
}
