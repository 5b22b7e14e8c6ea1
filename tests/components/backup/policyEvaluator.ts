import type { PolicyDocument, Statement } from '../../../components/iam/policyDocument';

export interface Request {
  /** An account's number, or a service of AWS. */
  by: string;
  action: string;
  resource: string;
  /** Condition keys that the request carries, in lower case as IAM compares them. */
  context: Readonly<Record<string, string>>;
}

/** `neither`: the policy says nothing of it, so that the caller's own policies decide, and another account's cannot. */
export type Decision = 'allow' | 'deny' | 'neither';

/** As IAM evaluates one resource policy: what denies wins. Operators that no policy here has are refused. */
export function evaluate({ Statement: statements }: PolicyDocument, request: Request): Decision {
  const effects = statements.filter((statement) => applies(statement, request)).map(({ Effect }) => Effect);
  if (effects.includes('Deny')) return 'deny';
  return effects.includes('Allow') ? 'allow' : 'neither';
}

function applies({ Principal, Action, Resource = '*', Condition = {} }: Statement, request: Request): boolean {
  const all = (of: string | string[]): string[] => (Array.isArray(of) ? of : [of]);
  return (
    isPrincipal(Principal, request.by) &&
    all(Action).some((action) => like(action, request.action)) &&
    all(Resource).some((resource) => like(resource, request.resource)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, expected]) => holds(operator, expected, request.context[key.toLowerCase()])),
    )
  );
}

function isPrincipal(principal: Statement['Principal'], by: string): boolean {
  // A role's own policy names nobody: it is about the role.
  if (principal === '*' || principal === undefined) return true;
  if ('Service' in principal) return [principal.Service].flat().includes(by);
  return principal.AWS === `arn:aws:iam::${by}:root`;
}

/** A key that is absent makes a condition false, but for Null and for negated operators, which it makes true. */
function holds(operator: string, expected: string, actual: string | undefined): boolean {
  switch (operator) {
    case 'Null':
      return String(actual === undefined) === expected;
    case 'Bool':
    case 'StringEquals':
      return actual === expected;
    case 'StringNotEquals':
      return actual !== expected;
    case 'ArnLike':
      return actual !== undefined && like(expected, actual);
    case 'NumericLessThan':
      return actual !== undefined && Number(actual) < Number(expected);
    default:
      throw new Error(`No policy here had the operator ${operator}.`);
  }
}

function like(pattern: string, value: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(value);
}
