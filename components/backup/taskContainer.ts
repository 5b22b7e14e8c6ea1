/** The only path that the container may write: a volume of the task's own disk. Everything else of it is read-only. */
const WRITABLE = '/tmp';
/** The account of the image; ECS takes numbers alone where the root file system is read-only. */
const ACCOUNT = '10001:10001';
/** Longest that Fargate waits after SIGTERM. */
const STOP_SECONDS = 120;

export const CONTAINER = 'backup';
export const SCRATCH = 'scratch';

export interface ContainerArgs<T> {
  image: T;
  /** JSON of a TaskDescription. */
  description: T;
  logGroup: string;
  region: string;
  timeLimitHours: number;
}

/** The one container of the task, as ECS has it in `containerDefinitions`. Its command comes from whoever starts it; alone it backs up. */
export const container = <T>({ image, description, logGroup, region, timeLimitHours }: ContainerArgs<T>) => ({
  name: CONTAINER,
  image,
  essential: true,
  // ECS has no limit of its own: a dump that hangs would hold its snapshot, and vacuum with it, until somebody looks.
  entryPoint: ['timeout', `--kill-after=${STOP_SECONDS}`, `${timeLimitHours}h`, 'coachdb'],
  command: backupCommand('unscheduled'),
  user: ACCOUNT,
  readonlyRootFilesystem: true,
  linuxParameters: { capabilities: { drop: ['ALL'] }, initProcessEnabled: true },
  mountPoints: [{ sourceVolume: SCRATCH, containerPath: WRITABLE, readOnly: false }],
  environment: [{ name: 'COACH_TASK', value: description }],
  stopTimeout: STOP_SECONDS,
  logConfiguration: {
    logDriver: 'awslogs',
    options: {
      'awslogs-group': logGroup,
      'awslogs-region': region,
      'awslogs-stream-prefix': 'task',
      // A log that does not take lines must not hold the dump.
      mode: 'non-blocking',
    },
  },
});

/** In prod every backup goes to the bucket: the task's disk is gone with it. */
export const backupCommand = (reason: string): string[] => ['backup', '--upload-s3', '--reason', reason];
