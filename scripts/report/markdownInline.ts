import { printable } from './print';
import { type Part, proseLines, proseParts } from './prose';

/**
 * A word that means itself wherever it stands: letters and digits, with punctuation around and single marks inside. Not `www.`, not what may
 * be the hash of a commit or the number of an issue, all of which GitHub makes links of.
 */
const PLAIN =
  /^(?!.*(?:www\.|\bgh-\d|\b[0-9a-f]{7,}\b))["'(“‘„]*(?:[\p{L}\p{N}][\p{L}\p{M}\p{N}]*(?:[-.,'’/][\p{L}\p{N}][\p{L}\p{M}\p{N}]*)*|\d\d?(?::\d\d){1,2}|[–—…%]|(?=[,.;:!?)]))["'”’)%,.;:!?…]*$/iu;

/**
 * One line of any text. Words that are not plain stand in code spans, in which Markdown and GitHub change nothing: backslashes would stop
 * Markdown alone, and not mentions, links and emoji. A pipe in a code span would still end a cell, so it stands outside.
 */
export function inline(text: string): string {
  const line = printable(text);
  // Spaces at an end would be taken off.
  return line.trim() === line ? render(words(line)) : render([{ text: line, isCode: true }]);
}

export function bold(text: string): string {
  return text === '' ? '' : `**${inline(text)}**`;
}

export function code(text: string): string {
  return render([{ text: printable(text), isCode: true }]);
}

/** Lines of prose; what stands between backticks is code. */
export function proseBlock(text: string): string {
  return proseLines(text)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => render(proseParts(line).flatMap((part) => (part.isCode ? [part] : words(part.text)))))
    .join('\\\n');
}

function words(text: string): Part[] {
  return text
    .split(/( +)/)
    .filter((word) => word !== '')
    .map((word) => ({ text: word, isCode: !/^ +$/.test(word) && !PLAIN.test(word) }));
}

/** Neighbours in code, with the spaces between them, are one span: the backticks of two would run together. No number begins a list. */
function render(parts: readonly Part[]): string {
  const merged: Part[] = [];
  for (const part of parts) {
    const last = merged.at(-1);
    const before = merged.at(-2);
    if (part.isCode && last?.isCode === true) last.text += part.text;
    else if (part.isCode && last !== undefined && before?.isCode === true && /^ +$/.test(last.text)) {
      before.text += last.text + part.text;
      merged.pop();
    } else merged.push({ ...part });
  }
  return merged
    .map(({ text, isCode }) => (isCode ? pipeless(text) : text))
    .join('')
    .replace(/^(\d{1,9})([.)])(?=\s|$)/, '$1\\$2');
}

function pipeless(text: string): string {
  return text
    .split(/(\|+)/)
    .map((piece) => (piece.startsWith('|') ? '&#124;'.repeat(piece.length) : span(piece)))
    .join('');
}

/** A code span takes one space off both ends, when both are there and something else is. */
function span(text: string): string {
  if (text === '') return '';
  const runs = new Set((text.match(/`+/g) ?? []).map((run) => run.length));
  let length = 1;
  while (runs.has(length)) length++;
  const fence = '`'.repeat(length);
  const padding = /^`|`$|^ .*[^ ].* $/.test(text) ? ' ' : '';
  return fence + padding + text + padding + fence;
}
