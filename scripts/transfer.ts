import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { Client } from 'pg';

import { type DatabaseSpec, databaseSpec } from '../infra/config/databaseSpec';
import { withClient } from '../postgres/connection/client';
import { readMigrationFolder } from '../postgres/migrations/folder';
import { Issues } from '../postgres/transfer/load/issues';
import { loadTable } from '../postgres/transfer/load/load';
import { planTransfer, type TransferOptions, type TransferPlan } from '../postgres/transfer/plan';
import { refuseSqliteMigrations } from '../postgres/transfer/prepare/refusal';
import { DifferenceError, notEmpty, RefusedValues } from '../postgres/transfer/refusals';
import { schemaFor } from '../postgres/transfer/schema/create';
import type { SchemaPlan } from '../postgres/transfer/schema/plan';
import { openSource, type Source, sourceError } from '../postgres/transfer/source/open';
import { filledTables, targetWith } from '../postgres/transfer/target/begin';
import { readTarget, type TargetTable } from '../postgres/transfer/target/tables';
import { transfer } from '../postgres/transfer/transfer';
import type { TransferResult, TransferTarget } from '../postgres/transfer/types';
import { type Kind, KINDS, POLICIES, type Policies } from '../postgres/transfer/values/kinds';
import { verifyTransfer } from '../postgres/transfer/verify/compare';
import { PlatformError } from '../system/errors';
import { type CommandContext, type CommandResult, confirm, declined, failed } from './command';
import { deploy } from './commands/deploy';
import { databaseAccess } from './databaseAccess';
import { ExitCode } from './exitCodes';
import { ProblemList } from './problems';
import { RejectFile } from './rejectFile';
import { renderText } from './report/text';
import { transferContents } from './report/transferContents';
import { transferFields, type TransferFindings } from './report/transferReport';
import { writeReport } from './report/write';
import { openStack, reportHome, type Stack } from './stack';
import { readState } from './stackState';
import { PHASE_WORDS, rowProgress, shownRows } from './transferProgress';
import { transferTarget } from './transferTarget';
import { stackHome } from './workspace';

export interface TransferRequest {
  from: string;
  mode: 'load' | 'dry-run' | 'verify';
  tables: readonly string[];
  exclude: readonly string[];
  /** `KIND=POLICY`. */
  policies: readonly string[];
  truncate: boolean;
  deploy: boolean;
  /** Tables that the target lacks are made after the source's. */
  createSchema: boolean;
  detailedExitCode: boolean;
}

/** `transfer`, apart from its flags. */
export async function runTransfer(context: CommandContext, request: TransferRequest): Promise<CommandResult> {
  const startedAt = new Date();
  const stack = openStack(context);
  const policies = policiesOf(stack.settings.transfer.policies, request.policies);
  const spec = databaseSpec(stack.settings, { projectRoot: context.root, machine: stack.machine });
  if (request.mode !== 'verify') refuseSqliteMigrations(spec.migrations.directory);
  const file = stack.task === undefined ? resolve(request.from) : await fetched(context, stack, request.from);
  const access =
    stack.task === undefined
      ? databaseAccess(stack, await readState(context, stack), 'connect')
      : (await import('./task/login')).taskAccess(stack.task, stack.settings);
  const source = openSource(file);
  try {
    if (request.deploy) {
      const deployed = await deploy.run(context, { ...NO_OPTIONS }, []);
      if (deployed.exitCode !== ExitCode.done) return deployed;
    }
    return await withClient(access.as(stack.settings.roles.loader.name), (client) =>
      new Run(context, stack, request, { spec, source, policies, client, startedAt, database: access.database }).run(),
    );
  } catch (error) {
    throw sourceError(file, error);
  } finally {
    source.close();
  }
}

/** In the task the source is a file in S3, which comes onto its disk; migrations are applied by the function. */
async function fetched({ signal }: CommandContext, { settings, workspace }: Stack, uri: string): Promise<string> {
  const { fetchFile } = await import('../postgres/backup/s3/fetchFile');
  mkdirSync(workspace.home, { recursive: true, mode: 0o700 });
  const file = join(workspace.home, 'source.db');
  await fetchFile(uri, settings.backup.s3 ?? { bucket: '', concurrency: 4 }, file, signal);
  return file;
}

const NO_OPTIONS = { dryRun: false, detailedExitcode: false };

interface Parts {
  spec: DatabaseSpec;
  /** As it is deployed. */
  database: string;
  source: Source;
  policies: Policies;
  client: Client;
  startedAt: Date;
}

class Run {
  private readonly rejects: RejectFile;
  private readonly issues: Issues;

  constructor(
    private readonly context: CommandContext,
    private readonly stack: Stack,
    private readonly request: TransferRequest,
    private readonly parts: Parts,
  ) {
    this.rejects = new RejectFile(stackHome(stack.workspace, stack.name), parts.startedAt);
    this.issues = new Issues(parts.policies, (issue) => this.rejects.write(issue));
  }

  async run(): Promise<CommandResult> {
    const { source, client } = this.parts;
    const { tables, exclude, mode } = this.request;
    const { settings } = this.stack;
    const target = transferTarget(this.parts.spec);
    const options = {
      tables,
      exclude: [...settings.transfer.exclude, ...exclude],
      casts: settings.transfer.casts,
      owner: target.owner,
    };
    const before = await readTarget(client, target.schema, target.trail.schema);
    const schema = this.request.createSchema ? await this.schema(before, target, options) : undefined;
    const targets = schema === undefined ? before : await targetWith(client, target, schema);
    const plan = planTransfer(source, targets, options);
    const digest = digestOf(source.file);
    let result: TransferResult | undefined;
    let error: unknown;
    try {
      if (plan.problems.length > 0) throw new ProblemList(plan.problems, mode === 'dry-run' ? 'failed' : 'refused');
      if (mode === 'dry-run') await this.look(plan);
      else if (mode === 'verify') await verifyTransfer(client, source, plan, target, this.parts.policies);
      else result = await this.load(plan, target, schema);
    } catch (thrown) {
      error = thrown;
      // Refused before anything was tried: there is nothing to report.
      if (
        thrown instanceof PlatformError &&
        ['declined', 'confirmation-needed', 'target-not-empty'].includes(thrown.code)
      )
        throw thrown;
    }
    this.rejects.close();
    const findings: TransferFindings = {
      mode,
      source: { file: source.file, bytes: statSync(source.file).size, sha256: await digest },
      database: this.parts.database,
      plan,
      ...(schema === undefined ? {} : { schema }),
      ...(result === undefined ? {} : { result }),
      counts: this.issues.counts,
      shown: this.issues.shown,
      rejectFile: this.rejects.path,
      differences: error instanceof DifferenceError ? error.differences : [],
    };
    return this.report(findings, error);
  }

  /** What makes the tables that the target lacks; refused where Prisma makes them. */
  private async schema(
    targets: readonly TargetTable[],
    target: TransferTarget,
    options: TransferOptions,
  ): Promise<SchemaPlan> {
    const { directory } = this.parts.spec.migrations;
    const history = targets.filter(({ name }) => name === '_prisma_migrations').map((table) => ({ target: table }));
    const recorded = await filledTables(this.parts.client, history, target.owner);
    if (recorded.length > 0 || readMigrationFolder(directory).migrations.length > 0) {
      throw new PlatformError(
        'schema-from-migrations',
        `--create-schema: migrations make the tables (${recorded.length > 0 ? `${this.parts.database} records applied ones` : directory}), and Prisma would report others as drift.`,
        'Load into the tables that they make: --deploy instead of --create-schema.',
        { kind: 'refused', object: '--create-schema' },
      );
    }
    const schema = schemaFor(this.parts.source, targets, { ...options, schema: target.schema });
    if (schema.problems.length > 0) throw new ProblemList(schema.problems, 'refused');
    return schema;
  }

  /** Every value is converted, none is sent. */
  private async look({ tables }: TransferPlan): Promise<void> {
    const onRows = rowProgress(this.context, tables);
    for (const table of tables) {
      await loadTable(undefined, this.parts.source, table, {
        issues: this.issues,
        frozen: false,
        onRows,
        signal: this.context.signal,
      });
    }
    if (this.issues.refused > 0) throw new RefusedValues(this.issues);
  }

  private async load(
    plan: TransferPlan,
    target: TransferTarget,
    schema: SchemaPlan | undefined,
  ): Promise<TransferResult> {
    const { client, source, policies } = this.parts;
    const filled = await this.filled(plan, target, schema?.tables ?? []);
    if (filled.length > 0) {
      if (!this.request.truncate) throw notEmpty(filled);
      const named = filled.map(({ table, rows }) => `${table} (${shownRows(rows)} rows)`).join(', ');
      if (!(await confirm(this.context, `Replace all rows of ${named}?`))) throw declined();
    }
    return transfer(client, source, plan, target, {
      policies,
      truncate: this.request.truncate,
      verify: true,
      issues: this.issues,
      ...(schema === undefined ? {} : { schema }),
      signal: this.context.signal,
      onPhase: (phase) => this.context.passing(`  ${PHASE_WORDS[phase]}`, true),
      onRows: rowProgress(this.context, plan.tables),
    });
  }

  private async filled(
    { tables }: TransferPlan,
    { owner }: TransferTarget,
    made: readonly string[],
  ): ReturnType<typeof filledTables> {
    const there = tables.filter(({ target }) => !made.includes(target.name));
    return filledTables(this.parts.client, there, owner);
  }

  private report(findings: TransferFindings, error: unknown): CommandResult {
    const { context, request, stack, parts } = this;
    const base = error === undefined ? done(request, findings) : failed([error]);
    const fields = transferFields(findings);
    const document = {
      status: base.status,
      stack: stack.name,
      startedAt: parts.startedAt,
      durationMs: Date.now() - parts.startedAt.getTime(),
      ...transferContents(findings, error),
      problems: base.problems,
    };
    const written = writeReport(reportHome(stack), 'transfer', document, fields);
    context.passing('');
    context.progress(written.notice);
    return { ...base, fields, text: (display) => renderText(document, display) };
  }
}

function done({ mode, detailedExitCode }: TransferRequest, { plan }: TransferFindings): CommandResult {
  const isPlan = mode === 'dry-run' && plan.tables.length > 0;
  return {
    status: mode === 'load' ? 'changed' : isPlan ? 'differs' : 'ok',
    exitCode: isPlan && detailedExitCode ? ExitCode.differences : ExitCode.done,
    problems: [],
    fields: {},
    text: '',
  };
}

function policiesOf(settings: Policies, given: readonly string[]): Policies {
  const policies = { ...settings };
  for (const each of given) {
    const [kind = '', policy = ''] = each.split('=');
    const known = POLICIES.find((name) => name === policy);
    const kinds =
      kind === 'all' ? (Object.keys(KINDS) as Kind[]) : (Object.keys(KINDS) as Kind[]).filter((name) => name === kind);
    if (known === undefined || kinds.length === 0) {
      throw new PlatformError(
        'usage',
        `--on ${each}: expected KIND=POLICY, KIND one of all, ${Object.keys(KINDS).join(', ')}, POLICY one of ${POLICIES.join(', ')}.`,
        'For example --on orphan=reject.',
        { kind: 'usage', object: '--on' },
      );
    }
    for (const name of kinds) policies[name] = known;
  }
  return policies;
}

/** Of the file as it lies there, read while the server is at work. */
async function digestOf(file: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
    return hash.digest('hex');
  } catch {
    return null;
  }
}
