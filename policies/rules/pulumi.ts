import { ofType } from '../references';
import { type PolicyGraph, type PolicyResource, type Rule, rule } from '../rule';
import { AWS_PROVIDER, BUCKET, INSTANCE, KEY } from '../types';
import { at, isObject, isUnknown, parsed, texts } from '../values';
import { DEPRECATED_ARGUMENTS, isDeprecatedType, TAGGABLE } from './awsSchema';
import { danglingReferences } from './dangling';
import { isPrimary } from './rds';

/** What cannot be made again. */
export const KEPT: readonly string[] = [INSTANCE, KEY, BUCKET];
const TAGS = ['project', 'stack'];

const NAMES_A_SECRET = /(password|passwd|secret|token|private_?key|access_?key|credential)s?(wo)?$/i;
/** What such a property may hold in plain: where the secret lies, a symbol, a switch, nothing. */
const POINTS_AT_IT = /^(arn:|‹|true$|false$|$|\[)/;
const LOOKS_SECRET: readonly RegExp[] = [
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----/,
  /\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:[^\s:/@]+@/i,
  /\bAGE-SECRET-KEY-1/,
];

const isOfAws = ({ type }: PolicyResource): boolean => type.startsWith('aws:');

export const pulumiRules: readonly Rule[] = [
  rule('pulumi-protected', {
    title: 'Pulumi refuses to delete database, keys and buckets (a replica holds nothing of its own)',
    types: KEPT,
    where: isPrimary,
    find: ({ protect }) => (protect ? [] : ['protect is off']),
  }),
  rule('pulumi-no-plain-secret', {
    title: 'No secret stands in plain inputs, which the state keeps in plain text',
    types: [],
    find: ({ inputs }) => plainSecrets(inputs),
  }),
  rule('pulumi-no-deprecated-type', {
    title: 'No type of the provider’s is deprecated',
    types: [],
    where: isOfAws,
    find: ({ type }) => (isDeprecatedType(type) ? [`${type} is deprecated; expected the type without V2 or v2`] : []),
  }),
  rule('pulumi-no-deprecated-argument', {
    title: 'No argument of the provider’s is deprecated (the linter does not see them)',
    types: Object.keys(DEPRECATED_ARGUMENTS),
    find: ({ type, inputs }) =>
      (DEPRECATED_ARGUMENTS[type] ?? [])
        .filter((argument) => holds(inputs, argument.split('.')))
        .map((argument) => `${argument} is deprecated; expected a resource of its own, or nothing`),
  }),
  rule('pulumi-tags', {
    title: 'Everything that takes tags says its project and stack',
    types: TAGGABLE,
    find: (resource, graph) => {
      const tags = {
        ...defaultTags(resource, graph),
        ...(isObject(resource.inputs['tags']) ? resource.inputs['tags'] : {}),
      };
      const missing = TAGS.filter((tag) => tags[tag] === undefined || tags[tag] === '');
      return missing.length === 0
        ? []
        : [`it has no tag ${missing.join(' and ')}, neither of its own nor of its provider`];
    },
  }),
  rule('pulumi-references', {
    title: 'Whatever a resource names of this stack is declared',
    types: [],
    find: danglingReferences,
  }),
];

/** Whether something stands at a path, of which lists are no part. */
function holds(value: unknown, [key, ...rest]: string[]): boolean {
  if (key === undefined) return value !== undefined;
  if (Array.isArray(value)) return value.some((entry) => holds(entry, [key, ...rest]));
  return isObject(value) && holds(value[key], rest);
}

/** A provider's inputs hold what is no text as JSON. */
function defaultTags({ provider }: PolicyResource, graph: PolicyGraph): Record<string, unknown> {
  const of = ofType(graph, AWS_PROVIDER).find(({ urn }) => urn === provider);
  const tags = at(parsed(of?.inputs['defaultTags']) ?? of?.inputs['defaultTags'], 'tags');
  return isObject(tags) ? tags : {};
}

function plainSecrets(inputs: Record<string, unknown>): string[] {
  const spread = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, parsedObject(value) ?? value]));
  return texts(spread).flatMap(({ path, text }) => {
    if (isUnknown(text)) return [];
    if (LOOKS_SECRET.some((pattern) => pattern.test(text))) return [`${path} holds what looks like a secret`];
    const name = nameAt(spread, path);
    return NAMES_A_SECRET.test(name) && !POINTS_AT_IT.test(text) ? [`${path} (${name}) holds a plain value`] : [];
  });
}

/** `environment.0.value` of a container is named by the `name` beside it. */
function nameAt(inputs: unknown, path: string): string {
  const keys = path.split('.');
  const last = keys.at(-1) ?? '';
  const named = last === 'value' ? at(inputs, [...keys.slice(0, -1), 'name'].join('.')) : undefined;
  return typeof named === 'string' ? named : last;
}

const parsedObject = (value: unknown): unknown => {
  const read = parsed(value);
  return typeof read === 'object' && read !== null ? read : undefined;
};
