import { type ApplyReport, applySpec } from '../../../postgres/apply/applySpec';
import type { MigrationRequest } from '../../../postgres/apply/request';
import type { ConnectionTarget, DatabaseSpec } from '../../../postgres/spec';
import { codeOf, PlatformError } from '../../../system/errors';
import type { Answer } from '../answer';
import type { Work } from '../work';

/** The whole declaration; what `up` invokes. */
export async function apply(work: Work, request: MigrationRequest & { action: 'apply' }): Promise<Answer> {
  await work.requireReach();
  const report = await work.withMigrations(request.spec, request.migrations, async (spec) => {
    const master = await work.master();
    const migrator = work.migrator(request.spec);
    const once = (): Promise<ApplyReport> => run(work, spec, master, migrator);
    // RDS changes the password first and the secret then: what was refused in between is taken a moment later.
    return once().catch((error: unknown) => {
      if (!isRefused(error, master)) throw error;
      work.log.line('WARN', 'The administrator’s password was refused; its secret is read again.');
      return once().catch((again: unknown) => {
        throw isRefused(again, master) ? passwordRefused(work, master, again) : again;
      });
    });
  });
  const { steps, migrations, warnings } = report;
  const changes = steps.filter(({ actions }) => actions.length > 0);
  return { status: changes.length === 0 ? 'ok' : 'changed', fields: { steps: changes, migrations, warnings } };
}

function run(
  { log, deadline }: Work,
  spec: DatabaseSpec,
  master: ConnectionTarget,
  migrator: ConnectionTarget,
): Promise<ApplyReport> {
  return applySpec((login) => (login === 'master' ? master : migrator), spec, {
    deadline,
    onStep: ({ phase, object, actions, durationMs }) => {
      if (actions.length > 0) log.line('INFO', `${phase} ${object}`.trim(), { actions, durationMs });
    },
  });
}

const isRefused = (error: unknown, { user }: ConnectionTarget): boolean =>
  error instanceof PlatformError && codeOf(error) === 'login-refused' && (error.object ?? '').startsWith(`${user}@`);

function passwordRefused({ place }: Work, { user, host, port }: ConnectionTarget, cause: unknown): PlatformError {
  return new PlatformError(
    'master-refused',
    `PostgreSQL at ${host}:${port} refuses the password of the administrator ${user} that the secret ${place.masterSecret} holds.`,
    'Rotate it (`aws secretsmanager rotate-secret --secret-id` with its ARN): RDS then sets password and secret alike. Then run `npm run up` again.',
    { object: user, cause },
  );
}
