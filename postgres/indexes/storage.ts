/**
 * Storage parameters of indexes (PostgreSQL manual, CREATE INDEX, "Index Storage Parameters") and parameters of operator classes
 * (the manual's pages of each contrib module), compared by value: PostgreSQL keeps the text that was typed.
 */

const BOOLEANS = new Set(['deduplicate_items', 'fastupdate', 'autosummarize']);

/** Explicit values that mean the same as leaving the parameter out. gin_pending_list_limit follows a server parameter. */
const METHOD_DEFAULTS: Record<string, Record<string, string>> = {
  btree: { fillfactor: '90', deduplicate_items: 'on' },
  hash: { fillfactor: '75' },
  gist: { fillfactor: '90', buffering: 'auto' },
  spgist: { fillfactor: '80' },
  gin: { fastupdate: 'on' },
  brin: { pages_per_range: '128', autosummarize: 'off' },
};

const OPCLASS_DEFAULTS: Record<string, Record<string, string>> = {
  tsvector_ops: { siglen: '124' },
  gist_trgm_ops: { siglen: '12' },
  gist__int_ops: { numranges: '100' },
  gist__intbig_ops: { siglen: '252' },
  gist_hstore_ops: { siglen: '16' },
  gist_ltree_ops: { siglen: '8' },
  gist__ltree_ops: { siglen: '28' },
};

/** ALTER INDEX ... SET changes what these do; any other one is read from the index's own pages and needs a new index. */
const IN_PLACE = new Set([
  'fillfactor',
  'deduplicate_items',
  'fastupdate',
  'gin_pending_list_limit',
  'autosummarize',
  'buffering',
]);

export function changesInPlace(parameter: string): boolean {
  return IN_PLACE.has(parameter);
}

/** PostgreSQL takes any unambiguous beginning of true, false, yes, no, and on, off, 1, 0, in any case. */
function booleanValue(text: string): string {
  const word = text.toLowerCase();
  if (word === '') return word;
  if (word === 'on' || word === '1' || 'true'.startsWith(word) || 'yes'.startsWith(word)) return 'on';
  if (word === 'of' || word === 'off' || word === '0' || 'false'.startsWith(word) || 'no'.startsWith(word))
    return 'off';
  return word;
}

function normalValue(name: string, value: string | number | boolean): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  const text = String(value).trim();
  if (BOOLEANS.has(name)) return booleanValue(text);
  if (text !== '' && Number.isFinite(Number(text))) return String(Number(text));
  return text.toLowerCase();
}

/** `{ fillfactor: '070' }` -> `{ fillfactor: '70' }`; what equals the method's default is left out. */
export function normalStorage(
  method: string,
  parameters: Record<string, string | number | boolean>,
): Record<string, string> {
  return withoutDefaults(parameters, METHOD_DEFAULTS[method]);
}

export function normalOpclassParameters(
  opclass: string,
  parameters: Record<string, string | number | boolean>,
): Record<string, string> {
  return withoutDefaults(parameters, OPCLASS_DEFAULTS[opclass]);
}

function withoutDefaults(
  parameters: Record<string, string | number | boolean>,
  defaults: Record<string, string> | undefined,
): Record<string, string> {
  const normal: Record<string, string> = {};
  for (const name of Object.keys(parameters).sort()) {
    const value = parameters[name];
    if (value === undefined) continue;
    const text = normalValue(name, value);
    if (defaults?.[name] !== text) normal[name] = text;
  }
  return normal;
}

/** pg_class.reloptions and pg_attribute.attoptions: `name=value` each. */
export function parseOptions(options: readonly string[] | null): Record<string, string> {
  const parsed: Record<string, string> = {};
  for (const option of options ?? []) {
    const split = option.indexOf('=');
    parsed[option.slice(0, split)] = option.slice(split + 1);
  }
  return parsed;
}
