import { format } from 'prettier';
import { getDefault } from 'valibot';

import { defaultParameters } from '../../infra/config/defaults';
import { ENVIRONMENTS, NOT_YET, settingsSchema } from '../../infra/config/settings';
import { type About, aboutOf, isPlainObject, partsOf, type Schema } from '../../postgres/spec/schema';
import { autoTune } from '../../postgres/tuning/autoTune';
import { DECIDED } from '../../postgres/tuning/decided';
import { MAJORS, parameterSpec } from '../../postgres/tuning/parameter';

interface Row {
  path: string;
  about: About;
  change: string;
  /** As the file would have it, in each environment. */
  defaults: unknown[];
}

/** Every setting, as `server.port` and `indexes[].name`. */
export const settingRows = (): Row[] => rowsOf('', ENVIRONMENTS.map(settingsSchema), '');

/** `schemas`: the same one in each environment, which differ in defaults alone. */
function rowsOf(path: string, schemas: Schema[], inherited: string): Row[] {
  const parts = schemas.map(partsOf);
  const about = aboutOf(schemas[0] as Schema);
  const change = about.change ?? inherited;
  const defaults = schemas.map((schema) => getDefault(schema as never) as unknown);
  const own = about.means === undefined ? [] : [{ path, about, change, defaults }];
  const inner = Object.keys(parts[0]?.entries ?? {}).flatMap((key) => {
    const entries = parts.map((one) => one.entries?.[key] as Schema);
    return rowsOf(path === '' ? key : `${path}.${key}`, entries, change);
  });
  const items = parts.flatMap(({ item }) => item ?? []);
  return [...own, ...inner, ...(items.length === 0 ? [] : rowsOf(`${path}[]`, items, change))];
}

const code = (value: unknown): string => `\`${String(value)}\``;

function shown(value: unknown, { unset }: About): string {
  if (value === undefined) return unset === undefined ? 'required' : unset === '' ? '' : `unset: ${unset}`;
  if (typeof value !== 'object' || value === null) return code(value);
  const items = Object.values(value).map((item: unknown) => {
    if (!isPlainObject(item)) return code(item);
    const { name, table, columns } = item as Record<string, string | string[]>;
    return `${code(name)} on ${String(table)} (${String(columns)})`;
  });
  return items.length === 0 ? 'none' : items.join(', ');
}

function defaultOf({ about, defaults }: Row): string {
  const environments = new Map<string, string[]>();
  defaults.forEach((value, index) => {
    const environment = ENVIRONMENTS[index] ?? '';
    if (about.only?.includes(environment) === false) return;
    const text = shown(value, about);
    environments.set(text, [...(environments.get(text) ?? []), environment]);
  });
  const groups = [...environments].filter(([text]) => text !== '');
  if (groups.length === ENVIRONMENTS.length) return about.unset ?? '';
  if (groups.length === 1) return groups[0]?.[0] ?? '';
  return groups.map(([text, names]) => `${names.join(' and ')} ${text}`).join('; ');
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function settingsTable(name: string): string {
  const rows = settingRows().filter(
    ({ path }) => path === name || (/^[.[]/.test(path.slice(name.length)) && path.startsWith(name)),
  );
  return table(
    ['setting', 'value', 'default', 'means', 'a change'],
    rows.map((row) => {
      const { path, about, change } = row;
      const where = about.only === undefined ? '' : `${about.only.join(' and ')} only: `;
      return [code(path), `${where}${about.kind ?? ''}`, defaultOf(row), about.means ?? '', change];
    }),
  );
}

function changeOf(parameter: string): string {
  const isRestart = (major: number): boolean => parameterSpec(parameter, major)?.context === 'postmaster';
  const reload = MAJORS.find((major) => !isRestart(major));
  if (reload === undefined) return 'restart';
  return reload === MAJORS[0] ? 'reload' : `restart; from PostgreSQL ${reload} on reload`;
}

const PARTS: Record<string, () => string> = {
  ...Object.fromEntries(
    Object.keys(partsOf(settingsSchema('local')).entries ?? {}).map((name) => [name, () => settingsTable(name)]),
  ),
  'default parameters': () =>
    table(
      ['parameter', 'default', 'a change'],
      Object.entries(defaultParameters()).map(([name, value]) => [code(name), code(value), changeOf(name)]),
    ),
  sizes: () =>
    table(
      ['parameter', 'rule', 'source'],
      autoTune({ memoryBytes: 2 ** 35, cpus: 16 }).applied.map(({ name, rule, source }) => [code(name), rule, source]),
    ),
  'decided parameters': () =>
    Object.entries(DECIDED)
      .map(([name, where]) => `- ${code(name)}: ${where}`)
      .join('\n'),
  'not yet': () =>
    Object.entries(NOT_YET)
      .map(([path, why]) => `- ${code(path)}: ${why}`)
      .join('\n'),
};

/** docs/settings.md with each part between `<!-- made: NAME -->` and `<!-- end -->` made anew; throws where one is missing or unknown. */
export async function withTables(text: string): Promise<string> {
  const missing = new Set(Object.keys(PARTS));
  const filled = text.replaceAll(
    /(<!-- made: (.+) -->)[^]*?(<!-- end -->)/g,
    (_, begin: string, name: string, end: string) => {
      const part = PARTS[name];
      if (part === undefined) throw new Error(`docs/settings.md has a part "${name}", of which nothing is known.`);
      missing.delete(name);
      return `${begin}\n\n${part()}\n\n${end}`;
    },
  );
  if (missing.size > 0)
    throw new Error(`docs/settings.md lacks <!-- made: ${[...missing].join(' -->, <!-- made: ')} -->.`);
  return format(filled, { parser: 'markdown', printWidth: 120 });
}
