import type { DeploymentResult } from '../../engine/changes';
import type { Stack } from '../stack';

/** What a person does after `up`: where the database is, and the commands that come next. */
export function nextSteps(stack: Stack, result: DeploymentResult): string {
  const { host, port, database } = result.outputs;
  const option = stack.name === 'local' ? '' : ` --stack ${stack.name}`;
  const { application } = stack.settings.roles;
  return [
    `PostgreSQL runs at ${String(host)}:${String(port)}, database ${String(database)}, application user ${application.name}.`,
    '',
    `  npm run coachdb -- env --write .env${option}    DATABASE_URL and the pool for the application`,
    `  npm run coachdb -- status${option}              what runs and where things are kept`,
    `  npm run coachdb -- preview${option}             what a changed setting would do`,
    `  npm run coachdb -- --help                       everything else`,
  ].join('\n');
}
