import { Option } from 'commander';

import { compareGraphs } from '../../engine/graph/compare';
import type { Graph } from '../../engine/graph/graph';
import type { Judgement } from '../../policies/judge';
import { PlatformError } from '../../system/errors';
import { type CommandResult, done, failed } from '../command';
import { NO_MACHINE } from '../offline';
import { shortType } from '../report/tree';
import { openStack } from '../stack';
import { graphAt, graphOf } from '../stackGraph';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE } from './deployment';
import { withDetailedExitCode } from './preview';

export const policies: CommandDefinition = {
  name: 'policies',
  description: 'hold what a stack declares against the rules of docs/controls.md, offline',
  options: [
    new Option('--base <ref>', 'and what would be lost of what this git revision declares'),
    DETAILED_EXIT_CODE(),
  ],
  help:
    'A broken mandatory rule is exit code 1, a broken advisory one 2 with --detailed-exitcode. --verbose lists every rule with the number of ' +
    'resources it looked at.',
  run: async (context, options) => {
    const { judge } = await import('../../policies/judge');
    const stack = openStack(context, NO_MACHINE);
    const head = await graphOf(context, stack);
    const base = options['base'];
    const changes = typeof base === 'string' ? compareGraphs(await graphAt(context, base), head).changes : undefined;
    const rules = judge(head, changes);
    const fields = { rules, ...(typeof base === 'string' ? { base } : {}) };
    const text = render(rules, head, context.verbose);
    const broken = rules.filter(({ level }) => level === 'mandatory').flatMap((rule) => errorsOf(rule, head));
    if (broken.length > 0) return failed(broken, text, fields);
    const isAdvised = rules.some(({ violations }) => violations.length > 0);
    const result: CommandResult = { ...done(text, fields), status: isAdvised ? 'differs' : 'ok' };
    return withDetailedExitCode(result, options['detailedExitcode'] === true);
  },
};

function errorsOf({ id, title, source, violations }: Judgement, graph: Graph): PlatformError[] {
  return violations.map(
    ({ urn, message }) =>
      new PlatformError(
        id,
        `${nameOf(urn, graph)}: ${message}.`,
        `Change what declares it, or the setting that it follows. The rule: ${title} (${source}; docs/controls.md).`,
        { object: urn },
      ),
  );
}

function render(rules: readonly Judgement[], graph: Graph, verbose: boolean): string {
  const advised = rules.filter(({ level, violations }) => level === 'advisory' && violations.length > 0);
  const lines = [
    ...(verbose ? rules.map(({ id, title, judged }) => `${id} (${judged.length}): ${title}`) : []),
    ...advised.flatMap(({ id, title, source, violations }) => [
      `advisory ${id} (${source}): ${title}`,
      ...violations.map(({ urn, message }) => `  ${nameOf(urn, graph)}: ${message}`),
    ]),
  ];
  const broken = rules.filter(({ violations }) => violations.length > 0).length;
  const sum = `${rules.length} rules over ${graph.resources.length} resources: ${broken === 0 ? 'all kept' : `${broken} broken`}`;
  return [...lines, ...(lines.length === 0 ? [] : ['']), sum].join('\n');
}

/** `database (rds/instance:Instance)`; what is gone from the graph by its URN. */
function nameOf(urn: string, { resources }: Graph): string {
  const found = resources.find((one) => one.urn === urn);
  return found === undefined ? urn : `${found.name} (${shortType(found.type)})`;
}
