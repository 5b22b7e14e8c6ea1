import type { DeploymentResult } from '../../engine/changes';
import { stackOption } from '../../postgres/commands';
import type { Stack } from '../stack';

/** What a person does after `up`: where the database is, and the commands that come next. */
export function nextSteps(stack: Stack, result: DeploymentResult): string {
  const { host, port, database } = result.outputs;
  const option = stackOption(stack.name);
  const { application } = stack.settings.roles;
  const commands: [string, string][] = [
    [`env --write .env${option}`, 'the application’s DATABASE_URL and pool'],
    [`status${option}`, 'what runs and where things are kept'],
    [`preview${option}`, 'what a changed setting would do'],
    ['--help', 'everything else'],
  ];
  const width = Math.max(...commands.map(([command]) => command.length)) + 2;
  return [
    `PostgreSQL runs at ${String(host)}:${String(port)}, database ${String(database)}, application user ${application.name}.`,
    '',
    'Next: npm run coachdb --',
    ...commands.map(([command, does]) => `  ${command.padEnd(width)}${does}`),
  ].join('\n');
}
