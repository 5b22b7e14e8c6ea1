import * as T from '../../../policies/types';
import { add, container, edit, find, type Mutation, set } from '../mutate';

/** Functions, tasks and their schedules. */
export const work: Record<string, Mutation> = {
  'lambda-not-public': (graph) => {
    const { inputs } = find(graph, T.FUNCTION);
    add(T.PERMISSION, 'anybody', { function: inputs['name'], principal: '*', action: 'lambda:InvokeFunction' })(graph);
  },
  'lambda-runtime': set(T.FUNCTION, 'runtime', 'nodejs18.x'),
  'lambda-zones': edit<{ subnetIds: string[] }>(T.FUNCTION, 'vpcConfig', (config) => ({
    ...config,
    subnetIds: config.subnetIds.slice(0, 1),
  })),
  'lambda-in-vpc': set(T.FUNCTION, 'vpcConfig', undefined),
  'lambda-tracing': set(T.FUNCTION, 'tracingConfig.mode', 'PassThrough'),
  'lambda-environment-key': set(T.FUNCTION, 'kmsKeyArn', undefined),
  'lambda-memory': set(T.FUNCTION, 'memorySize', 64),
  'lambda-time-limit': set(T.FUNCTION, 'timeout', 901),
  'lambda-one-at-a-time': set(T.FUNCTION, 'reservedConcurrentExecutions', 2),
  'ecs-network-mode': set(T.TASK_DEFINITION, 'networkMode', 'host'),
  'ecs-process-namespace': set(T.TASK_DEFINITION, 'pidMode', 'host'),
  'ecs-not-privileged': container('privileged', true),
  'ecs-read-only': container('readonlyRootFilesystem', false),
  'ecs-no-credentials': container('environment', [{ name: 'AWS_ACCESS_KEY_ID', value: 'somebody' }]),
  'ecs-logs': container('logConfiguration', undefined),
  'ecs-platform': set(T.SCHEDULE, 'target.ecsParameters.platformVersion', '1.3.0'),
  'ecs-insights': set(T.CLUSTER, 'settings', [{ name: 'containerInsights', value: 'disabled' }]),
  'ecs-no-public-address': set(T.SCHEDULE, 'target.ecsParameters.networkConfiguration.assignPublicIp', true),
  'ecs-not-root': container('user', '0:0'),
  'ecs-fargate-size': set(T.TASK_DEFINITION, 'memory', '9216'),
  'ecs-scratch-size': set(T.TASK_DEFINITION, 'ephemeralStorage.sizeInGib', 20),
  'ecs-needs-fargate': set(T.TASK_DEFINITION, 'requiresCompatibilities', ['EC2']),
  'ecr-scanned': set(T.REPOSITORY, 'imageScanningConfiguration.scanOnPush', false),
  'ecr-immutable': set(T.REPOSITORY, 'imageTagMutability', 'MUTABLE'),
  'ecr-lifecycle': set(T.REPOSITORY_LIFECYCLE, 'repository', 'another'),
  'ecr-kms': set(T.REPOSITORY, 'encryptionConfigurations', [{ encryptionType: 'AES256' }]),
  'scheduler-expression': set(T.SCHEDULE, 'scheduleExpression', 'cron(0 2 * * * *)'),
  'scheduler-time-zone': set(T.SCHEDULE, 'scheduleExpressionTimezone', 'Europe/Atlantis'),
  'scheduler-window': set(T.SCHEDULE, 'flexibleTimeWindow.mode', 'FLEXIBLE'),
};
