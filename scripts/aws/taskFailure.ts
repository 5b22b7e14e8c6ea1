import type { Task } from '@aws-sdk/client-ecs';

import { PlatformError } from '../../system/errors';
import type { TaskOutputs } from './task';

/** Exit code of `timeout`, which the task runs under. */
const OVER_TIME = 124;

export const notStarted = (family: string, reason: string): PlatformError =>
  new PlatformError(
    'task-not-started',
    `Task ${family} did not start: ${reason}.`,
    'Where Fargate has no capacity, run it again later; otherwise `up`, and look at the subnets, the endpoints (ecr.api, ecr.dkr, logs, S3) and the execution role.',
    { object: family },
  );

/** Why a task ended without a report that fits its exit code. */
export function stopped(task: Task, { family, image, logGroup }: TaskOutputs, tail: readonly string[]): PlatformError {
  const container = task.containers?.[0];
  const reason = [task.stoppedReason, container?.reason].filter(Boolean).join('; ');
  const exitCode = container?.exitCode;
  const ended = (code: string, message: string, remedy: string): PlatformError =>
    new PlatformError(code, message, remedy, { object: family });
  if (/CannotPullContainer|ImageNotFound|manifest unknown/i.test(reason))
    return ended(
      'task-image-missing',
      `The image of task ${family} could not be had: ${reason}.`,
      `Push it: ${pushCommands(image)}`,
    );
  if (/OutOfMemory/i.test(reason))
    return ended(
      'task-memory',
      `Task ${family} ran out of memory: ${reason}.`,
      'Raise coach:aws.task.memoryMb, `up`, and run it again.',
    );
  if (exitCode === undefined && task.stopCode !== 'UserInitiated')
    return notStarted(family, reason || 'ECS gave no reason');
  if (exitCode === OVER_TIME)
    return ended(
      'task-time-limit',
      `Task ${family} ran longer than coach:aws.task.timeLimitHours and was stopped.`,
      'Raise it, `up`, and run it again.',
    );
  if (task.stopCode === 'UserInitiated' || exitCode === 137 || exitCode === 143)
    return ended(
      'task-stopped',
      `Task ${family} was stopped: ${reason || `exit code ${exitCode ?? ''}`}.`,
      'Run it again.',
    );
  const said = tail.slice(-5).join(' ').trim();
  return ended(
    'task-failed',
    `Task ${family} ended with exit code ${exitCode ?? 'unknown'} and no report${said === '' ? '' : `: ${said}`}.`,
    `Its log is in ${logGroup}.`,
  );
}

/** From the root of this project. */
export function pushCommands(image: string): string {
  const registry = image.split('/')[0] ?? image;
  const region = /\.ecr\.([\w-]+)\./.exec(registry)?.[1] ?? 'REGION';
  return (
    `\`aws ecr get-login-password --region ${region} | docker login --username AWS --password-stdin ${registry} && ` +
    `docker build --platform linux/amd64 --tag ${image} . && docker push ${image}\`.`
  );
}
