import { type PolicyResource, type Rule, rule } from '../rule';
import { CLUSTER, SCHEDULE, TASK_DEFINITION } from '../types';
import { at, isObject, isUnknown, listAt, numberAt, parsed, shown, wants } from '../values';

/** Containers of a task definition; none where they are unknown. */
export function containersOf({ inputs }: PolicyResource): Record<string, unknown>[] {
  const containers = parsed(inputs['containerDefinitions']);
  return Array.isArray(containers) ? containers.filter(isObject) : [];
}

const inContainers = (problem: (container: Record<string, unknown>) => string | undefined) => (task: PolicyResource) =>
  containersOf(task).flatMap((container) => {
    const found = problem(container);
    return found === undefined ? [] : [`container ${String(container['name'])}: ${found}`];
  });

/** https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html, ECS.8. */
const CREDENTIALS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'ECS_ENGINE_AUTH_DATA'];

/**
 * Memory in MiB that Fargate has for each size of processor: lowest, highest, step
 * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html). 256 units have 512, 1024 and 2048.
 */
const FARGATE: Readonly<Record<number, [number, number, number]>> = {
  512: [1024, 4096, 1024],
  1024: [2048, 8192, 1024],
  2048: [4096, 16_384, 1024],
  4096: [8192, 30_720, 1024],
  8192: [16_384, 61_440, 4096],
  16384: [32_768, 122_880, 8192],
};

function fitsFargate(cpu: number, memory: number): boolean {
  if (cpu === 256) return [512, 1024, 2048].includes(memory);
  const [lowest, highest, step] = FARGATE[cpu] ?? [1, 0, 1];
  return memory >= lowest && memory <= highest && (memory - lowest) % step === 0;
}

export const ecsRules: readonly Rule[] = [
  rule('ecs-network-mode', {
    source: 'FSBP ECS.1',
    title: 'Tasks have a network interface of their own',
    types: [TASK_DEFINITION],
    find: wants('networkMode', 'awsvpc'),
  }),
  rule('ecs-process-namespace', {
    source: 'FSBP ECS.3',
    title: 'Tasks do not see the host’s processes',
    types: [TASK_DEFINITION],
    find: ({ inputs }) => (inputs['pidMode'] === 'host' ? ['pidMode is "host"; expected none'] : []),
  }),
  rule('ecs-not-privileged', {
    source: 'FSBP ECS.4',
    title: 'No container is privileged',
    types: [TASK_DEFINITION],
    find: inContainers(({ privileged }) => (privileged === true ? 'privileged is true; expected false' : undefined)),
  }),
  rule('ecs-read-only', {
    source: 'FSBP ECS.5',
    title: 'Containers cannot write to their root file system',
    types: [TASK_DEFINITION],
    find: inContainers(({ readonlyRootFilesystem }) =>
      readonlyRootFilesystem === true
        ? undefined
        : `readonlyRootFilesystem is ${shown(readonlyRootFilesystem)}; expected true`,
    ),
  }),
  rule('ecs-no-credentials', {
    source: 'FSBP ECS.8',
    title: 'No container has credentials in its environment',
    types: [TASK_DEFINITION],
    find: inContainers((container) => {
      const names = listAt(container, 'environment').map((one) => String(at(one, 'name')));
      const found = names.filter((name) => CREDENTIALS.includes(name));
      return found.length === 0 ? undefined : `environment holds ${found.join(', ')}`;
    }),
  }),
  rule('ecs-logs', {
    source: 'FSBP ECS.9',
    title: 'Every container’s log goes somewhere',
    types: [TASK_DEFINITION],
    find: inContainers((container) =>
      typeof at(container, 'logConfiguration.logDriver') === 'string' ? undefined : 'logConfiguration is not set',
    ),
  }),
  rule('ecs-platform', {
    source: 'FSBP ECS.10',
    title: 'Tasks run on Fargate’s latest platform',
    types: [SCHEDULE],
    where: ({ inputs }) => isObject(at(inputs, 'target.ecsParameters')),
    find: ({ inputs }) => {
      const version = at(inputs, 'target.ecsParameters.platformVersion');
      return version === undefined || version === 'LATEST'
        ? []
        : [`platformVersion is ${shown(version)}; expected "LATEST"`];
    },
  }),
  rule('ecs-insights', {
    source: 'FSBP ECS.12',
    title: 'Clusters have Container Insights',
    types: [CLUSTER],
    find: ({ inputs }) => {
      const insights = listAt(inputs, 'settings').find((one) => at(one, 'name') === 'containerInsights');
      const value = at(insights, 'value');
      return value === 'enabled' || value === 'enhanced'
        ? []
        : [`containerInsights is ${shown(value)}; expected "enabled" or "enhanced"`];
    },
  }),
  rule('ecs-no-public-address', {
    title: 'Scheduled tasks have no public address',
    types: [SCHEDULE],
    where: ({ inputs }) => isObject(at(inputs, 'target.ecsParameters')),
    find: ({ inputs }) =>
      at(inputs, 'target.ecsParameters.networkConfiguration.assignPublicIp') === true
        ? ['assignPublicIp is true; expected false']
        : [],
  }),
  rule('ecs-not-root', {
    title: 'No container runs as root',
    types: [TASK_DEFINITION],
    find: inContainers(({ user }) =>
      typeof user === 'string' && !/^(0|root)(:|$)/.test(user)
        ? undefined
        : `user is ${shown(user)}; expected one but root`,
    ),
  }),
  rule('ecs-fargate-size', {
    title: 'Processor and memory of a task are a pair that Fargate has',
    types: [TASK_DEFINITION],
    find: ({ inputs }) => {
      if (isUnknown(inputs['cpu']) || isUnknown(inputs['memory'])) return [];
      const cpu = numberAt(inputs, 'cpu') ?? 0;
      const memory = numberAt(inputs, 'memory') ?? 0;
      return fitsFargate(cpu, memory) ? [] : [`cpu ${cpu} with memory ${memory} is no size of Fargate’s`];
    },
  }),
  rule('ecs-scratch-size', {
    title: 'A task’s disk has 21 to 200 GiB',
    types: [TASK_DEFINITION],
    where: ({ inputs }) => inputs['ephemeralStorage'] !== undefined,
    find: ({ inputs }) => {
      const size = numberAt(inputs, 'ephemeralStorage.sizeInGib') ?? 0;
      return size >= 21 && size <= 200 ? [] : [`ephemeralStorage is ${size} GiB; expected 21 to 200`];
    },
  }),
  rule('ecs-needs-fargate', {
    title: 'Tasks are for Fargate alone',
    types: [TASK_DEFINITION],
    find: ({ inputs }) =>
      listAt(inputs, 'requiresCompatibilities').join() === 'FARGATE'
        ? []
        : [`requiresCompatibilities is ${shown(inputs['requiresCompatibilities'])}; expected ["FARGATE"]`],
  }),
];
