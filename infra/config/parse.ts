import * as v from 'valibot';

import { aboutOf, isPlainObject, partsOf, type Plain, type PlainObject, type Schema } from '../../postgres/spec/schema';
import { nearest } from '../../postgres/tuning/nearest';
import { parameterSpec } from '../../postgres/tuning/parameter';
import { showValue } from '../../postgres/tuning/value';
import type { Problem } from '../../system/errors';
import { checkTogether } from './checks';
import { checkParameters, type Target } from './parameterChecks';
import { toPlain } from './plain';
import { below, Report } from './report';
import { type Environment, ENVIRONMENTS, NOT_YET, type Settings, settingsSchema } from './settings';

export type ParsedSettings = { settings: Settings; problems: [] } | { settings?: never; problems: Problem[] };

/** What the settings say, else what the stack is called; local, the one with the fewest rules, where neither is known. */
export function environmentOf(stack: string, raw: Record<string, unknown>): Environment {
  return knownEnvironment(stack, raw) ?? 'local';
}

function knownEnvironment(stack: string, raw: Record<string, unknown>): Environment | undefined {
  const said = Object.hasOwn(raw, 'environment') ? (raw['environment'] ?? null) : null;
  return ENVIRONMENTS.find((environment) => environment === (said ?? stack));
}

/**
 * The settings of a stack from its `coach:` values without that prefix (structured ones as objects, as YAML gives them, or as
 * JSON text, as Pulumi's runtime does), or every problem at once. Total: never throws, whatever `raw` is. `target` is the machine and
 * the major version of the server, where the caller knows them; parameters are then checked against both.
 */
export function parseSettings(raw: Record<string, unknown>, stack: string, target: Target = {}): ParsedSettings {
  const report = new Report(`Pulumi.${stack.slice(0, 60).replaceAll(/\p{Cc}/gu, '?')}.yaml`);
  const plain = toPlain(raw);
  if (!('value' in plain) || !isPlainObject(plain.value)) {
    const what = 'refused' in plain ? plain.refused : 'no object';
    const remedy = 'Write them as plain YAML or JSON; docs/settings.md lists them.';
    report.add('settings-unreadable', '', `The settings of stack ${report.file} hold ${what}.`, remedy);
    return { problems: report.problems };
  }
  if (knownEnvironment(stack, plain.value) === undefined && (plain.value['environment'] ?? null) === null) {
    const all = ENVIRONMENTS.join(', ');
    const message = `coach:environment is missing: stack ${showValue(stack)} is none of ${all}, so its environment is not known.`;
    report.add('setting-missing', 'environment', message, `Add coach:environment to ${report.file}: one of ${all}.`);
  }
  const environment = environmentOf(stack, plain.value);
  const read = readSettings(plain.value, environment, report);
  if (read !== undefined) {
    const settings: Settings = { stack, ...read };
    checkTogether(settings, report);
    const { majorVersion: major } = settings.rds ?? {};
    checkParameters(settings, major === undefined ? target : { ...target, major }, report);
    if (report.problems.length === 0) return { settings: { ...settings, parameters: spelt(settings) }, problems: [] };
  }
  return { problems: report.problems };
}

type Read = v.InferOutput<ReturnType<typeof settingsSchema>>;

/** What was refused is in the report, so the settings are not used; its default keeps the rest checkable. */
function readSettings(given: PlainObject, environment: Environment, report: Report): Read | undefined {
  const schema = settingsSchema(environment);
  const { entries = {} } = partsOf(schema);
  const decoded = Object.entries(given).map(([key, value]) => [key, decode(entries[key], key, value, report)] as const);
  const known = withoutUnknown(schema, Object.fromEntries(decoded), '', environment, report) as PlainObject;
  const first = v.safeParse(schema, known);
  for (const issue of first.issues ?? []) {
    const keys = keysOf(issue);
    const path = keys.reduce(below, '');
    if (issue.type === 'strict_object') {
      const message = `coach:${path} is missing; expected ${issue.message}.`;
      report.add('setting-missing', path, message, `Add it to ${report.file}.`);
    } else if (issue.type === 'raw_check') {
      const message = `coach:${path} names ${showValue(issue.message)} a second time.`;
      report.add('setting-duplicate', path, message, 'Remove one of the two.');
    } else report.refuse(path, issue.input, issue.message);
    forget(known, keys);
  }
  if (first.success) return first.output;
  // What lacks a required key cannot stay without it: then what is around it goes too.
  for (let outwards = 1; ; outwards += 1) {
    const rest = v.safeParse(schema, known);
    if (rest.success) return rest.output;
    for (const issue of rest.issues) forget(known, keysOf(issue).slice(0, -outwards));
  }
}

const keysOf = ({ path }: { path?: readonly { key: unknown }[] | undefined }): (string | number)[] =>
  (path ?? []).map(({ key }) => key as string | number);

/** Settings that are objects or lists come as JSON text from Pulumi's runtime. */
function decode(schema: Schema | undefined, key: string, value: Plain, report: Report): Plain {
  if (typeof value !== 'string' || schema === undefined || typeof v.getDefault(schema as never) !== 'object')
    return value;
  try {
    const plain = toPlain(JSON.parse(value));
    if ('value' in plain) return plain.value;
  } catch {
    // Falls through to the refusal: the text is no JSON.
  }
  report.refuse(key, value, 'an object or a list');
  return null;
}

/** Without keys that are null or unknown; the latter, and those without effect, are reported. */
function withoutUnknown(schema: Schema, value: Plain, path: string, environment: Environment, report: Report): Plain {
  const { entries, item } = partsOf(schema);
  if (Array.isArray(value) && item !== undefined)
    return value.map((each, index) => withoutUnknown(item, each, below(path, index), environment, report));
  if (entries === undefined || !isPlainObject(value) || (path !== '' && Object.hasOwn(value, 'secure'))) return value;
  for (const key of Object.keys(value)) if (!Object.hasOwn(entries, key)) unknownKey(path, key, entries, report);
  const read = Object.entries(entries).flatMap(([key, entry]): [string, Plain][] => {
    const inner = value[key] ?? null;
    if (inner === null) return [];
    const at = below(path, key);
    const { only = [environment], elsewhere = '' } = aboutOf(entry);
    if (!only.includes(environment)) {
      const message = `coach:${at} has no effect in environment ${environment}; it belongs to ${only.join(' and ')}.`;
      report.add('setting-elsewhere', at, message, `Remove it. ${elsewhere}`);
    }
    return [[key, withoutUnknown(entry, inner, at, environment, report)]];
  });
  return Object.fromEntries(read);
}

function unknownKey(path: string, key: string, entries: object, report: Report): void {
  const at = below(path, key);
  const why = Object.hasOwn(NOT_YET, at) ? NOT_YET[at] : undefined;
  if (why !== undefined) {
    const message = `coach:${at} would do nothing: ${why} yet.`;
    return report.add('setting-not-yet', at, message, `Remove it from ${report.file}.`);
  }
  const known = Object.keys(entries);
  const meant = nearest(key, known);
  const hint = meant === undefined ? 'Remove it.' : `Did you mean coach:${below(path, meant)}?`;
  const accepted = `Accepted ${path === '' ? 'settings' : `in coach:${path}`}: ${known.join(', ')}.`;
  report.add('setting-unknown', at, `coach:${at} is not a setting.`, `${hint} ${accepted}`);
}

/** Takes out what lies at `keys`; of a list the whole list. */
function forget(value: PlainObject, [key, ...rest]: (string | number)[]): void {
  if (key === undefined) return;
  const inner = Object.hasOwn(value, key) ? value[key] : undefined;
  if (rest.length > 0 && isPlainObject(inner)) forget(inner, rest);
  else Reflect.deleteProperty(value, key);
}

/** Parameters under the names PostgreSQL itself uses. */
function spelt({ parameters }: Settings): Settings['parameters'] {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [parameterSpec(name)?.name ?? name, value]),
  );
}
