import { printable } from './print';

/** A part of a text; code where it stood between backticks. */
export interface Part {
  text: string;
  isCode: boolean;
}

/** Lines of a text that may have several, made printable. */
export function proseLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => printable(line));
}

/** A line of prose as its parts, without the backticks. */
export function proseParts(line: string): Part[] {
  return line
    .split(/`([^`]+)`/)
    .map((text, index) => ({ text, isCode: index % 2 === 1 }))
    .filter(({ text }) => text !== '');
}
