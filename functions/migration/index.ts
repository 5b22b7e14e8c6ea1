import { type MigrationReport, type MigrationRequest, readRequest } from '../../postgres/apply/request';
import { errorText, messageOf, PlatformError, toProblem } from '../../system/errors';
import { apply } from './actions/apply';
import { deploy } from './actions/deploy';
import { status } from './actions/status';
import type { Answer } from './answer';
import { surroundings } from './environment';
import { Log } from './log';
import { Work } from './work';

/** Of Lambda's context, what is used. */
export interface Context {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** What it takes to answer and to write the log. */
const MARGIN_MS = 2000;

/** Every action the function knows. */
const ACTIONS: {
  [A in MigrationRequest['action']]: (work: Work, request: MigrationRequest & { action: A }) => Promise<Answer>;
} = {
  apply,
  deploy,
  status,
};

/**
 * Entry of the migration function. `deploy` and `status` answer a report with their problems; everything else throws where it fails, since whoever
 * deploys sees nothing but the message.
 */
export async function handler(event: unknown, context: Context): Promise<MigrationReport> {
  // It would say on stderr what later versions of the SDK need.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';
  const started = new Date();
  const stack = process.env['COACH_STACK'] ?? '';
  const asked = actionOf(event);
  const log = new Log({ requestId: context.awsRequestId, stack, action: asked ?? 'unknown' }, (line) =>
    process.stdout.write(line),
  );
  log.line('INFO', 'begins');
  const { failure, ...answer } = await answerTo(event, log, started.getTime() + context.getRemainingTimeInMillis());
  const { status: outcome, problems = [], fields } = answer;
  const durationMs = Date.now() - started.getTime();
  log.line(problems.length === 0 ? 'INFO' : 'ERROR', outcome, { durationMs, ...(problems.length > 0 && { problems }) });
  if (failure !== undefined && (asked === undefined || asked === 'apply')) throw new Error(log.clean(failure));
  const command = asked ?? 'status';
  const report = { command, stack, status: outcome, startedAt: started.toISOString(), durationMs, problems, ...fields };
  return JSON.parse(log.clean(JSON.stringify(report))) as MigrationReport;
}

/** Never throws: what went wrong is among its problems, and in one text. */
async function answerTo(event: unknown, log: Log, end: number): Promise<Answer & { failure?: string }> {
  try {
    const request = readRequest(event);
    const work = new Work(surroundings(process.env), log, end - MARGIN_MS);
    const act = ACTIONS[request.action] as (work: Work, request: MigrationRequest) => Promise<Answer>;
    return await act(work, request);
  } catch (error) {
    const problems = [toProblem(error)];
    if (!(error instanceof PlatformError)) return { status: 'failed', problems, fields: {}, failure: messageOf(error) };
    return { status: error.kind === 'refused' ? 'refused' : 'failed', problems, fields: {}, failure: errorText(error) };
  }
}

/** Undefined for what is none. */
function actionOf(event: unknown): MigrationRequest['action'] | undefined {
  const { action } = (typeof event === 'object' && event !== null ? event : {}) as { action?: unknown };
  return typeof action === 'string' && Object.hasOwn(ACTIONS, action) ? (action as keyof typeof ACTIONS) : undefined;
}
