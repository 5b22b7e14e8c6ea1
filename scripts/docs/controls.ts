import { format } from 'prettier';

import { RULES } from '../../policies/index';
import { notApplicable } from '../../policies/notApplicable';
import { planRules } from '../../policies/plan';
import type { Rule } from '../../policies/rule';

const INTRODUCTION = `<!-- npm run docs makes this file -->

# Controls

What holds for everything that a stack declares. \`npm run coachdb -- policies --stack prod\` looks, offline and without an account; the same rules are a
policy pack of Pulumi's, which looks at the plan and again at what was made:

\`\`\`bash
pulumi preview --stack prod --policy-pack policies/pack
\`\`\`

A _mandatory_ rule is never broken; an _advisory_ one may be, where a setting decides so. With \`coach:aws.protect: false\`, the way to tear prod down,
\`rds-deletion-protection\` and \`pulumi-protected\` are broken on purpose. A value that only AWS could tell is not judged before it is known.

Ids are those of [AWS Foundational Security Best Practices](https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html).
`;

/** docs/controls.md. */
export function controlsDocument(): Promise<string> {
  const controls = [
    ...RULES.filter(({ source }) => source !== 'coach').map((rule) => ({
      control: rule.source.replace('FSBP ', ''),
      cells: [rule.title, code(rule.id), rule.level, typesOf(rule)],
    })),
    ...notApplicable.map(({ control, title, reason }) => ({ control, cells: [title, '', 'does not apply', reason] })),
  ].sort((a, b) => compare(a.control, b.control));
  const ours = RULES.filter(({ source }) => source === 'coach');
  const text = [
    INTRODUCTION,
    '## AWS Foundational Security Best Practices\n',
    table(
      ['control', 'what holds', 'rule', 'level', 'where, or why not'],
      controls.map(({ control, cells }) => [control, ...cells]),
    ),
    '\n## Ours\n',
    table(
      ['rule', 'what holds', 'level', 'where'],
      ours.map((rule) => [code(rule.id), rule.title, rule.level, typesOf(rule)]),
    ),
    '\n## Over a plan\n',
    'Looked at by `policies --base REF`, and of stack prod by `preview`, `up` and `destroy` through Pulumi, which refuse what breaks them unless `coach:aws.protect` is false.\n',
    table(
      ['rule', 'what holds'],
      planRules.map(({ id, title }) => [code(id), title]),
    ),
  ].join('\n');
  return format(text, { parser: 'markdown', printWidth: 120 });
}

const code = (text: string): string => `\`${text}\``;

const typesOf = ({ types }: Rule): string =>
  types.length === 0 ? 'every resource' : types.map((type) => code(type.replace(/^aws:/, ''))).join(', ');

/** `RDS.9` before `RDS.10`. */
function compare(a: string, b: string): number {
  const [service = '', number = ''] = a.split('.');
  const [other = '', otherNumber = ''] = b.split('.');
  return service === other ? Number(number) - Number(otherNumber) : service < other ? -1 : 1;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
