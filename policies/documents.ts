import type { PolicyResource } from './rule';
import { at, isObject, parsed } from './values';

/** One statement of an IAM policy document with every list spelt out. */
export interface PolicyStatement {
  sid: string;
  isAllow: boolean;
  actions: string[];
  /** True of NotAction and NotResource, which mean nearly everything. */
  isNegated: boolean;
  resources: string[];
  services: string[];
  /** ARNs, accounts and `*`. */
  principals: string[];
  conditions: Record<string, Record<string, unknown>>;
}

const list = (value: unknown): string[] =>
  (Array.isArray(value) ? value : value === undefined ? [] : [value]).map(String);

/** Whether the document in a property is known, so that what it lacks can be told. */
export const isReadable = ({ inputs }: Pick<PolicyResource, 'inputs'>, property: string): boolean =>
  isObject(inputs[property]) || parsed(inputs[property]) !== undefined;

/** Statements of a document that stands as JSON in a property; none where it is unknown. */
export function statementsOf({ inputs }: Pick<PolicyResource, 'inputs'>, property: string): PolicyStatement[] {
  const value = at(inputs, property);
  const document = isObject(value) ? value : parsed(value);
  const statements = at(document, 'Statement');
  return (Array.isArray(statements) ? statements : isObject(statements) ? [statements] : []).filter(isObject).map(read);
}

function read(statement: Record<string, unknown>): PolicyStatement {
  const { Principal: principal } = statement;
  return {
    sid: typeof statement['Sid'] === 'string' ? statement['Sid'] : '',
    isAllow: statement['Effect'] === 'Allow',
    actions: list(statement['Action'] ?? statement['NotAction']),
    isNegated: 'NotAction' in statement || 'NotResource' in statement,
    resources: list(statement['Resource'] ?? statement['NotResource']),
    services: isObject(principal) ? list(principal['Service']) : [],
    principals: isObject(principal) ? list(principal['AWS']) : list(principal),
    conditions: (statement['Condition'] ?? {}) as PolicyStatement['conditions'],
  };
}

/** `s3:Get*` covers `s3:GetObject`; IAM compares actions without case. */
export function covers(pattern: string, action: string): boolean {
  const regex = pattern
    .toLowerCase()
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${regex}$`).test(action.toLowerCase());
}

/** What narrows an open principal to somebody: an account, an organization or one caller. */
const NARROWING =
  /^aws:(SourceAccount|SourceArn|SourceOwner|PrincipalAccount|PrincipalArn|PrincipalOrgID|SourceOrgID|SourceVpce|SourceVpc|userid)$|^kms:CallerAccount$|^s3:DataAccessPointAccount$/i;
const POSITIVE = /^(ForAnyValue:)?(String|Arn)(Equals|Like)(IgnoreCase)?$/;

/** It allows anybody, and no condition says who. */
export function isPublic({ isAllow, principals, conditions }: PolicyStatement): boolean {
  if (!isAllow || !principals.includes('*')) return false;
  return !Object.entries(conditions).some(
    ([operator, keys]) => POSITIVE.test(operator) && Object.keys(keys).some((key) => NARROWING.test(key)),
  );
}

export const saying = ({ sid, actions }: PolicyStatement): string =>
  `${sid === '' ? 'a statement' : `statement ${sid}`} (${actions.slice(0, 3).join(', ')})`;

/** Names of the database's roles that a policy lets log in: the end of `arn:aws:rds-db:REGION:ACCOUNT:dbuser:RESOURCE/NAME`. */
export const loginsOf = (policy: PolicyResource): string[] =>
  statementsOf(policy, 'policy')
    .filter(
      ({ isAllow, actions }) => isAllow && actions.some((action) => action !== '*' && covers(action, 'rds-db:connect')),
    )
    .flatMap(({ resources }) => resources.map((resource) => resource.slice(resource.lastIndexOf('/') + 1)));
