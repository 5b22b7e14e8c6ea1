import { parameterSpec } from '../../postgres/tuning/parameter';
import { showValue } from '../../postgres/tuning/value';
import type { Problem } from '../../system/errors';
import { checkBound, checkTogether } from './checks';
import { defaultSettings } from './defaults';
import { checkParameters, type Target } from './parameterChecks';
import { isPlainObject, type Plain, type PlainObject, toPlain } from './plain';
import { Report } from './reader';
import { settingsReader } from './schema';
import type { Environment, Settings } from './settings';

const ENVIRONMENTS: readonly Environment[] = ['local', 'dev', 'prod'];

/** Settings that are objects or lists, which Pulumi's runtime configuration hands over as JSON text. */
const STRUCTURED = Object.entries(defaultSettings('', 'local'))
  .filter(([, value]) => typeof value === 'object')
  .map(([key]) => key);

export type ParsedSettings = { settings: Settings; problems: [] } | { settings?: never; problems: Problem[] };

function decoded(key: string, value: Plain, report: Report): Plain {
  if (typeof value !== 'string' || !STRUCTURED.includes(key)) return value;
  try {
    const plain = toPlain(JSON.parse(value));
    if ('value' in plain) return plain.value;
  } catch {
    // Falls through to the refusal: the text is no JSON.
  }
  report.refuse(key, value, 'an object or a list');
  return null;
}

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
    report.add(
      'settings-unreadable',
      '',
      `The settings of stack ${report.file} hold ${'refused' in plain ? plain.refused : 'no object'}.`,
      'Write them as plain YAML or JSON; docs/settings.md lists them.',
    );
    return { problems: report.problems };
  }
  const given = Object.create(null) as PlainObject;
  for (const [key, value] of Object.entries(plain.value)) given[key] = decoded(key, value, report);

  // A wrong value is refused by its reader.
  if (knownEnvironment(stack, given) === undefined && (given['environment'] ?? null) === null) {
    report.add(
      'setting-missing',
      'environment',
      `coach:environment is missing: stack ${showValue(stack)} is none of ${ENVIRONMENTS.join(', ')}, so its environment is not known.`,
      `Add coach:environment to ${report.file}: one of ${ENVIRONMENTS.join(', ')}.`,
    );
  }
  const defaults = defaultSettings(stack, environmentOf(stack, given));
  const read = settingsReader(defaults).read(given, '', report);
  if (read !== undefined) {
    const settings: Settings = { stack, ...read };
    checkBound(settings, (path) => isSet(given, path.split('.')), report);
    checkTogether(settings, report);
    checkParameters(settings, target, report);
    if (report.problems.length === 0) return { settings: { ...settings, parameters: spelt(settings) }, problems: [] };
  }
  return { problems: report.problems };
}

/** Parameters under the names PostgreSQL itself uses. */
function spelt({ parameters }: Settings): Settings['parameters'] {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [parameterSpec(name)?.name ?? name, value]),
  );
}

function isSet(given: Plain, path: readonly string[]): boolean {
  let at: Plain = given;
  for (const key of path) {
    if (!isPlainObject(at) || !Object.hasOwn(at, key)) return false;
    at = at[key] ?? null;
  }
  return at !== null;
}

/** Every setting there is, as `server.port` and `indexes[].name`: for documentation and its test. */
export function settingPaths(): string[] {
  return settingsReader(defaultSettings('local', 'local')).paths('');
}
