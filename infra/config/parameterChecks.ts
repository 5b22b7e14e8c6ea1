import { notPreloaded } from '../../postgres/extensions/preload';
import type { Machine } from '../../postgres/tuning/machine';
import { renderRds } from '../../postgres/tuning/rds';
import { validateParameters } from '../../postgres/tuning/validate';
import { parseParameter, showValue } from '../../postgres/tuning/value';
import type { Problem } from '../../system/errors';
import { machineOf, mergedParameters } from './parameters';
import { below, type Report } from './report';
import type { Settings } from './settings';

export interface Target {
  machine?: Machine;
  major?: number;
}

/** The parameters the server would be declared with: each by itself, together, against the machine, and on RDS. */
export function checkParameters(settings: Settings, { machine, major }: Target, report: Report): void {
  const named = (problem: Problem): void => {
    const { code, message, remedy, object } = problem;
    report.add(code, below('parameters', object ?? ''), message, remedy);
  };
  const target = report.concerns(['server.instanceClass']) ? undefined : machineOf(settings, machine);
  const effective = mergedParameters(settings, target);
  const options = major === undefined ? {} : { major };
  const problems = validateParameters(effective, target, options);
  problems.forEach(named);
  if (problems.some(({ code }) => code !== 'parameter-decided')) return;

  const { application } = settings.roles;
  const connections = effective.max_connections;
  const limit = connections === undefined ? 100 : parseParameter('max_connections', connections).parameter?.value;
  if (!report.concerns(['roles.application']) && typeof limit === 'number' && application.connectionLimit > limit - 3) {
    report.add(
      'setting-conflict',
      'roles.application.connectionLimit',
      `Role ${application.name} may hold ${application.connectionLimit} connections, but the server takes ${limit}, 3 of them reserved for superusers.`,
      'Raise the parameter max_connections or lower coach:roles.application.connectionLimit.',
    );
  }
  const libraries = String(effective.shared_preload_libraries ?? '');
  const extensions = report.concerns(['extensions']) ? [] : settings.extensions.map(({ name }) => name);
  for (const name of notPreloaded(extensions, libraries)) {
    report.add(
      'setting-conflict',
      'extensions',
      `Extension ${name} needs its library preloaded, but shared_preload_libraries is ${JSON.stringify(libraries)}.`,
      `Add ${name} to the parameter shared_preload_libraries, or remove the extension.`,
    );
  }
  if (settings.environment !== 'prod') return;
  const forced = effective['rds.force_ssl'];
  if (forced !== undefined && !['1', 'on', 'true'].includes(String(forced).toLowerCase())) {
    const message = `Parameter rds.force_ssl is ${showValue(forced)}: passwords and data could cross the network for everybody on it to read.`;
    named({ code: 'tls-required', message, remedy: 'Set it to 1.', object: 'rds.force_ssl' });
  }
  for (const { name, outcome, reason } of renderRds(effective, options).notices) {
    if (outcome !== 'refused') continue;
    const message = `Parameter ${name} cannot be set on Amazon RDS: ${reason}`;
    named({ code: 'parameter-not-on-rds', message, remedy: `Remove it from the stack’s parameters.`, object: name });
  }
}
