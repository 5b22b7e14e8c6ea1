import { PlatformError } from '../../system/errors';
import type { Parameters } from '../spec';
import { isParameterName } from './parameter';
import { type ParameterOptions, parseParameter, showValue } from './value';

/** What a configuration file or a command line holds for each parameter, in the order of the names. Throws on a bad one. */
function written(parameters: Parameters, options: ParameterOptions): { name: string; text: string }[] {
  return Object.entries(parameters)
    .map(([name, value]) => {
      const { parameter, problem } = parseParameter(name, value, options);
      if (problem !== undefined) {
        throw new PlatformError(problem.code, problem.message, problem.remedy, { kind: 'usage', object: name });
      }
      // The tables hold good names only; this is for an extension's.
      if (!isParameterName(parameter.name)) {
        throw new PlatformError(
          'parameter-unknown',
          `${showValue(name)} is not a parameter name a configuration file can hold.`,
          'Use letters, digits, _ and $, with one dot after the extension’s name.',
          { kind: 'usage', object: name },
        );
      }
      return { name: parameter.name, text: parameter.text };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A value in single quotes as the file's scanner reads it back: a quote doubled, a backslash escaped, every control character
 * (a raw newline would end the line) as a letter or octal escape.
 */
export function quoteConfValue(text: string): string {
  if (text.includes('\0')) throw new RangeError('A parameter cannot contain NUL.');
  const named: Record<string, string> = { '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' };
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll(/\p{Cc}/gu, (character) => {
      const code = character.charCodeAt(0);
      return named[character] ?? (code < 0x80 ? `\\${code.toString(8).padStart(3, '0')}` : character);
    });
  return `'${escaped}'`;
}

/**
 * Lines of a postgresql.conf, one `name = 'value'` each, sorted by name so that equal parameters give equal text. Booleans are
 * on and off, sizes stay as written. Throws a `usage` PlatformError on a name or value PostgreSQL would refuse.
 */
export function renderConf(parameters: Parameters, options: ParameterOptions = {}): string {
  return written(parameters, options)
    .map(({ name, text }) => `${name} = ${quoteConfValue(text)}\n`)
    .join('');
}
