import { Option } from 'commander';

import { type DeploymentResult } from '../../engine/changes';
import { compareGraphs } from '../../engine/graph/compare';
import { type Graph } from '../../engine/graph/graph';
import { type CommandResult, done } from '../command';
import { NO_MACHINE } from '../offline';
import { renderDeployment, shortType } from '../report/tree';
import { openStack } from '../stack';
import { graphAt, graphOf } from '../stackGraph';
import type { CommandDefinition } from './definition';
import { DETAILED_EXIT_CODE } from './deployment';
import { withDetailedExitCode } from './preview';

export const graph: CommandDefinition = {
  name: 'graph',
  printsData: true,
  description: 'every resource a stack declares, offline: no credentials, plugins or network',
  options: [new Option('--base <ref>', 'what changed since this git revision'), DETAILED_EXIT_CODE()],
  run: async (context, options) => {
    const stack = openStack(context, NO_MACHINE);
    const head = await graphOf(context, stack);
    const base = options['base'];
    if (typeof base !== 'string')
      return done(render(head), { resources: head.resources, outputs: head.outputs, notices: head.notices });
    const started = performance.now();
    const before = await graphAt(context, base);
    const compared = compareGraphs(before, head);
    const result: DeploymentResult = {
      ...compared,
      operation: 'preview',
      outputs: {},
      durationMs: Math.round(performance.now() - started),
      problems: [],
    };
    const differs = compared.changes.some(({ operation }) => operation !== 'same');
    const command: CommandResult = {
      ...done((display) => renderDeployment(result, display), {
        base,
        changes: compared.changes,
        counts: compared.counts,
        resources: head.resources,
      }),
      status: differs ? 'differs' : 'ok',
    };
    return withDetailedExitCode(command, options['detailedExitcode'] === true);
  },
};

function render({ resources, notices }: Graph): string {
  const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
  const lines: string[] = [];
  const draw = (urn: string, indent: string): void => {
    const resource = byUrn.get(urn);
    if (resource === undefined) return;
    const marks = [resource.protect && 'protected', resource.deletedWith !== undefined && 'deleted with the server'];
    const said = marks.filter((mark) => mark !== false).join(', ');
    lines.push(`${indent}${resource.name}  ${shortType(resource.type)}${said === '' ? '' : `  (${said})`}`);
    for (const child of resources.filter(({ parent }) => parent === urn)) draw(child.urn, `${indent}  `);
  };
  for (const root of resources.filter(({ parent }) => parent === undefined || !byUrn.has(parent))) draw(root.urn, '');
  return [...lines, '', `${resources.length} resources`, ...notices.map((notice) => `note: ${notice}`)].join('\n');
}
