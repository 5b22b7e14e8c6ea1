import { databaseSpec } from '../../infra/config/databaseSpec';
import { type MigrationReport, type MigrationRequest, sentSpec } from '../../postgres/apply/request';
import { packMigrations } from '../../postgres/migrations/archive';
import type { PendingMigration } from '../../postgres/migrations/deploy';
import { codeOf, PlatformError, type Problem, toProblem } from '../../system/errors';
import { type CommandContext, type CommandResult, done } from '../command';
import { applied, confirmPlan, planned, recorded } from '../deployResult';
import { ExitCode } from '../exitCodes';
import type { Stack } from '../stack';
import { ANSWER_MS, askFunction, type FunctionClients, type FunctionPlace, sendMigrations } from './function';
import { clientsOf } from './functionClients';
import { logCommand } from './functionFailure';
import { functionPlace, stackOutputs } from './prodOutputs';

/** `deploy` of prod: asked here, done by the migration function. */
export async function deployByFunction(
  context: CommandContext,
  stack: Stack,
  options: Record<string, unknown>,
): Promise<CommandResult> {
  const spec = specOf(context, stack);
  const archive = packMigrations(spec.migrations.directory);
  const place = functionPlace(stack, await stackOutputs(context, stack));
  return withClients(place, ANSWER_MS, async (clients) => {
    const migrations = await sendMigrations(clients, place, archive);
    const ask = (more: Partial<MigrationRequest>): Promise<MigrationReport> =>
      askFunction(
        clients,
        place,
        { action: 'deploy', spec: sentSpec(spec), migrations, ...more } as MigrationRequest,
        context,
      );
    const [ran, rolledBack] = [options['applied'], options['rolledBack']];
    if (typeof ran === 'string') return resultOf(await ask({ applied: ran }), () => recorded(ran, 'applied'));
    if (typeof rolledBack === 'string')
      return resultOf(await ask({ rolledBack }), () => recorded(rolledBack, 'rolled-back'));
    const plan = (await ask({ dryRun: true })) as MigrationReport & Plan;
    if (plan.problems.length > 0) return failedAs(plan);
    const { pending, migrations: steps, text } = plan;
    if (options['dryRun'] === true)
      return planned({ pending, migrations: steps }, text, options['detailedExitcode'] === true);
    if (pending.length === 0) return done(text, { applied: [] });
    await confirmPlan(context, text, pending.length);
    context.progress(`  Function ${place.functionName} is at work; ${logCommand(place)} shows it.`);
    return resultOf(await ask({}), (report) => applied(report.applied, report.warnings));
  });
}

interface Plan {
  pending: string[];
  migrations: PendingMigration[];
  text: string;
}

interface Applied {
  applied: { name: string; checksum: string; durationMs: number }[];
  warnings: string[];
}

/** What the function tells of itself and the database. */
interface Told {
  reached?: { name: string; host: string; port: number; reachable: boolean; reason?: string }[];
  server?: { version: string; database: string; role: string; inRecovery: boolean; startedAt: string };
  migrations?: { applied: { name: string; finishedAt: string }[]; failed: string[] };
}

export interface FunctionStatus extends Told {
  status: 'ok' | 'failed';
  problems: Problem[];
}

const STATUS_MS = 60_000;

/** Null where there is no function; that it cannot be asked is part of what it answers. */
export async function functionStatus(context: CommandContext, stack: Stack): Promise<FunctionStatus | null> {
  try {
    const place = functionPlace(stack, await stackOutputs(context, stack));
    const request = { action: 'status', spec: sentSpec(specOf(context, stack)) } as const;
    const watch = { signal: context.signal, pausesMs: [1_000] };
    const report = await withClients(place, STATUS_MS, (clients) => askFunction(clients, place, request, watch));
    const { reached, server, migrations } = report as MigrationReport & Told;
    return {
      status: report.problems.length === 0 ? 'ok' : 'failed',
      problems: report.problems,
      ...(reached === undefined ? {} : { reached }),
      ...(server === undefined ? {} : { server }),
      ...(migrations === undefined ? {} : { migrations }),
    };
  } catch (error) {
    if (!(error instanceof PlatformError) || error.kind === 'interrupted') throw error;
    return codeOf(error) === 'stack-not-deployed' ? null : { status: 'failed', problems: [toProblem(error)] };
  }
}

const specOf = (context: CommandContext, stack: Stack): ReturnType<typeof databaseSpec> =>
  databaseSpec(stack.settings, { projectRoot: context.root, machine: stack.machine });

async function withClients<T>(
  { region }: FunctionPlace,
  answerMs: number,
  work: (clients: FunctionClients) => Promise<T>,
): Promise<T> {
  const clients = await clientsOf(region, answerMs);
  try {
    return await work(clients);
  } finally {
    clients.lambda.destroy();
    clients.s3.destroy();
  }
}

const resultOf = (
  report: MigrationReport,
  result: (report: MigrationReport & Applied) => CommandResult,
): CommandResult => (report.problems.length > 0 ? failedAs(report) : result(report as MigrationReport & Applied));

const failedAs = ({ status, problems }: MigrationReport): CommandResult => ({
  status: status === 'refused' ? 'refused' : 'failed',
  exitCode: status === 'refused' ? ExitCode.refused : ExitCode.failed,
  problems,
  fields: {},
  text: '',
});
