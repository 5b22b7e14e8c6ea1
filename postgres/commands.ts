/**
 * Texts name a command of this project in backticks, as it is typed for the stack `local`: `npm start`, `npm run up -- --repair-lock`,
 * `npm run coachdb -- logs`. Whatever prints a text passes it through `forStack`.
 */

/** package.json's scripts that run the command line; a test compares. */
export const SCRIPTS = [
  'start',
  'coachdb',
  'up',
  'preview',
  'refresh',
  'destroy',
  'graph',
  'status',
  'pulumi',
  'generate',
  'db:backup',
  'db:backup-s3',
  'db:deploy',
  'db:generate',
  'db:migrate-to-postgresql',
] as const;

const COMMAND = new RegExp(`\`npm (start|run (?:${SCRIPTS.join('|')}))((?: -- [^\`]*)?)\``, 'g');

/** What a command of this stack carries: nothing for `local`, which is the default. */
export function stackOption(stack: string): string {
  return stack === 'local' ? '' : ` --stack ${stack}`;
}

/** The text with every command of it for this stack. Doing it twice changes nothing. */
export function forStack(text: string, stack: string): string {
  if (stack === 'local') return text;
  return text.replace(COMMAND, (whole, script: string, rest: string) => {
    if (/ --stack\b/.test(rest)) return whole;
    // `npm start` is the local stack's short form; of another one `up` shows first what it would do.
    return `\`npm ${script === 'start' ? 'run up' : script}${rest === '' ? ' --' : rest}${stackOption(stack)}\``;
  });
}

/** The same for every text below a value. */
export function allForStack<T>(value: T, stack: string): T {
  if (stack === 'local') return value;
  return mapTexts(value, (text) => forStack(text, stack)) as T;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((entry) => mapTexts(entry, change));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, mapTexts(entry, change)]));
}
