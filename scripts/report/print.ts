import type { Problem } from '../../system/errors';
import type { CommandResult } from '../command';
import { type Display, PLAIN, wrapLines } from './display';

/**
 * Control characters, and those that turn the direction of a line or cannot be seen, would let recorded text rewrite the terminal's; half a
 * surrogate pair would become another character in whatever is written as UTF-8.
 */
const STEERING = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** For text that somebody else wrote. */
export function printable(text: string): string {
  return text.replace(STEERING, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

/** A command's result as the one JSON object on stdout. */
export function renderJson(
  command: string,
  stack: string,
  startedAt: Date,
  durationMs: number,
  result: Pick<CommandResult, 'status' | 'problems' | 'fields'>,
): string {
  const { status, problems, fields } = result;
  const report = { command, stack, status, startedAt: startedAt.toISOString(), durationMs, problems, ...fields };
  return escapeJson(JSON.stringify(report, null, 2));
}

/** JSON of the same value without a character that would steer a terminal; the line breaks between its parts stay. */
export function escapeJson(json: string): string {
  return json.replace(STEERING, (characters) =>
    characters === '\n'
      ? characters
      : characters
          .split('')
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          .join(''),
  );
}

/** Problems as people read them: what happened, then how to mend it. */
export function renderProblems(problems: readonly Problem[], display: Display = PLAIN): string {
  return problems
    .map(({ code, message, remedy }) => {
      const [first = '', ...more] = safeLines(message).split('\n');
      const lines = [`error [${code}]: ${first}`, ...more.map((line) => `    ${line}`)];
      if (remedy !== '') lines.push(`  remedy: ${safeLines(remedy)}`);
      return wrapLines(lines.join('\n'), display);
    })
    .join('\n');
}

/** Messages quote what others wrote, and may have several lines. */
const safeLines = (text: string): string =>
  text
    .split(/([\n\t])/)
    .map((part, index) => (index % 2 === 0 ? printable(part) : part))
    .join('');
