import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseSettings } from '../../infra/config/parse';
import { TASK_VARIABLE, type TaskDescription } from '../../postgres/backup/task';
import { PlatformError } from '../../system/errors';
import { ProblemList } from '../problems';
import type { Stack } from '../stack';
import { workspaceOf } from '../workspace';

/** With an authority of one's own beside Amazon's. */
export interface Task extends TaskDescription {
  caFile?: string;
}

/** What the task is told, where this process runs in one. Throws `task-description`. */
export function taskDescription(environment: NodeJS.ProcessEnv): Task | undefined {
  const text = environment[TASK_VARIABLE];
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable('it is no JSON', cause);
  }
  const missing = ['project', 'stack', 'region', 'host', 'database', 'masterSecret', 'bucket'].find(
    (key) => typeof (value as Record<string, unknown> | null)?.[key] !== 'string',
  );
  if (missing !== undefined) throw unreadable(`it names no ${missing}`);
  const caFile = environment['COACH_DATABASE_CA_FILE'];
  return { ...(value as TaskDescription), ...(caFile === undefined ? {} : { caFile }) };
}

const unreadable = (why: string, cause?: unknown): PlatformError =>
  new PlatformError(
    'task-description',
    `${TASK_VARIABLE} does not describe the database of a stack: ${why}.`,
    'It is what `up` puts into the task definition; anywhere else leave it unset.',
    { kind: 'usage', object: TASK_VARIABLE, cause },
  );

/** The stack as the task knows it: settings from its description, and one folder to write, which goes with it. */
export function taskStack(task: Task, root: string): Stack {
  const { backup, ...others } = task.settings as { backup?: { s3?: { region?: string } } };
  // Settings of one stack may not fit together by what the task is not told of it: which bucket there is was decided by `up`.
  const { region = task.region, ...s3 } = backup?.s3 ?? {};
  const raw = { ...others, environment: 'prod', backup: { ...backup, s3: { ...s3, bucket: task.bucket } } };
  const { settings, problems } = parseSettings(raw, task.stack);
  if (settings === undefined) throw new ProblemList(problems);
  return {
    name: task.stack,
    project: task.project,
    settings: {
      ...settings,
      backup: { ...settings.backup, s3: { concurrency: 4, ...settings.backup.s3, bucket: task.bucket, region } },
    },
    workspace: { ...workspaceOf(root), home: join(tmpdir(), 'coachdb') },
    // What the engines would run; no command of the task has one.
    program: {
      projectRoot: root,
      main: '',
      project: task.project,
      stack: task.stack,
      config: {},
      secretKeys: [],
      environment: {},
    },
    machine: { memoryBytes: 0, cpus: 0 },
    warnings: [],
    task,
  };
}
