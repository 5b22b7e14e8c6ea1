import { LineCounter, parseDocument } from 'yaml';

import { nearest } from '../../postgres/tuning/nearest';
import { showValue } from '../../postgres/tuning/value';
import type { Problem } from '../../system/errors';

/** The project's name in Pulumi.yaml, which prefixes its settings. */
export const PROJECT = 'coach';

/** What Pulumi itself reads in a stack's file. */
const TOP_LEVEL = ['config', 'secretsprovider', 'encryptedkey', 'encryptionsalt', 'environment'];

export interface StackFile {
  /** The `coach:` values without that prefix, for `parseSettings`. */
  raw: Record<string, unknown>;
  /** Values of other namespaces under their full keys (`aws:region`): the providers' own. */
  others: Record<string, unknown>;
  problems: Problem[];
}

/** The text of a Pulumi.<stack>.yaml; `path` is how messages name it. Total: every problem is reported, with line and column. */
export function readStackFile(text: string, path: string): StackFile {
  const file: StackFile = { raw: {}, others: {}, problems: [] };
  const add = (code: string, message: string, remedy: string): void =>
    void file.problems.push({ code, message, remedy, object: path });

  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(pos[0]);
    add('stack-file-yaml', `${path}, line ${line}, column ${col}: ${plainText(message)}`, 'Correct the YAML there.');
  }
  if (file.problems.length > 0) return file;

  let content: unknown;
  try {
    content = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // An alias without an anchor, or aliases that multiply.
    const why = error instanceof Error ? error.message : 'its aliases cannot be resolved';
    add('stack-file-yaml', `${path}: ${plainText(why)}`, 'Write the values out instead of using aliases.');
    return file;
  }
  const top = asObject(content);
  if (top === undefined) {
    add(
      'stack-file-shape',
      `${path} holds no mapping; expected config: with settings below it.`,
      'See docs/settings.md.',
    );
    return file;
  }
  for (const key of Object.keys(top)) {
    if (TOP_LEVEL.includes(key)) continue;
    const meant = nearest(key, TOP_LEVEL);
    const remedy = key.includes(':')
      ? `Move ${showValue(key)} below config:.`
      : `${meant === undefined ? 'Remove it.' : `Did you mean ${meant}?`} Pulumi reads ${TOP_LEVEL.join(', ')}.`;
    add('stack-file-key', `${path} has the unknown top-level key ${showValue(key)}.`, remedy);
  }
  const config = asObject(top.config);
  if (config === undefined) {
    add('stack-file-shape', `config in ${path} is not a mapping of settings.`, 'See docs/settings.md.');
    return file;
  }
  const raw: [string, unknown][] = [];
  const others: [string, unknown][] = [];
  for (const [key, value] of Object.entries(config)) {
    const colon = key.indexOf(':');
    if (colon < 1) {
      const shown = showValue(key);
      add('stack-file-key', `config in ${path} has the key ${shown} without a namespace.`, `Write ${PROJECT}:NAME.`);
    } else if (key.slice(0, colon) === PROJECT) raw.push([key.slice(colon + 1), value]);
    else others.push([key, value]);
  }
  // fromEntries defines own properties, whatever the key.
  return { ...file, raw: Object.fromEntries(raw), others: Object.fromEntries(others) };
}

/** Nothing at all counts as an empty mapping; undefined for anything that is no mapping. */
function asObject(value: unknown): Record<string, unknown> | undefined {
  if (value === null || value === undefined) return {};
  // YAML's tags can make sets and ordered maps as well.
  return typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype
    ? (value as Record<string, unknown>)
    : undefined;
}

/** The parser's own words, without what a file may have brought into them. */
const plainText = (message: string): string => message.slice(0, 300).replaceAll(/[\p{Cc}\p{Cf}]/gu, '?');
