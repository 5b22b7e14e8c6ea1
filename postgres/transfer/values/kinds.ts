/** Why a value cannot arrive as it is, or a row not at all. */
export const KINDS = {
  'nul-byte': 'text with U+0000, which PostgreSQL cannot store; replaced by U+FFFD',
  'invalid-utf8': 'text that is not valid in the encoding of the file; replaced by U+FFFD',
  'too-long': 'text longer than varchar(n); cut',
  'out-of-range': 'a number or time beyond what the type holds; replaced by NULL where that is allowed',
  precision: 'a number or time finer than the type keeps; rounded',
  'invalid-date': 'no date that there is, in any form that is known; replaced by NULL where that is allowed',
  'invalid-json': 'not JSON, or JSON that jsonb refuses; kept as a JSON string',
  'invalid-value': 'of another type than the column, or none of an enum’s; replaced by NULL where that is allowed',
  'not-null': 'NULL where the column takes none; cannot be replaced',
  orphan: 'refers to a row that is not there; replaced by NULL where that is allowed',
} as const;
export type Kind = keyof typeof KINDS;

export const POLICIES = ['fail', 'reject', 'replace'] as const;
export type Policy = (typeof POLICIES)[number];
export type Policies = Record<Kind, Policy>;

const POLICY_MEANS: Record<Policy, string> = {
  fail: 'nothing is loaded (default)',
  reject: 'the row is left out',
  replace: 'the value is changed; where that cannot be, nothing is loaded',
};

/** For --help. */
export const POLICY_HELP = `What becomes of values that do not fit, by --on KIND=POLICY or coach:transfer.policies:
${POLICIES.map((policy) => `  ${policy.padEnd(8)} ${POLICY_MEANS[policy]}`).join('\n')}
Kinds (all for every one), with what replace does:
${Object.entries(KINDS)
  .map(([kind, means]) => `  ${kind.padEnd(13)} ${means}`)
  .join('\n')}`;
