import { named } from '../references';
import { type Rule, rule } from '../rule';
import { FUNCTION, FUNCTION_URL, INVOCATION, PERMISSION } from '../types';
import { isUnknown, listAt, numberAt, numberWithin, shown, wants, wantsSome } from '../values';

/** https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html, those of Node.js. */
const RUNTIMES = ['nodejs22.x', 'nodejs24.x'];

export const lambdaRules: readonly Rule[] = [
  rule('lambda-not-public', {
    source: 'FSBP Lambda.1',
    title: 'Nobody but named callers may invoke a function',
    types: [FUNCTION],
    find: (target, graph) =>
      graph.resources
        .filter(({ type, inputs }) => {
          if (type === FUNCTION_URL) return inputs['authorizationType'] === 'NONE';
          const { principal, sourceAccount, sourceArn, principalOrgId } = inputs;
          return type === PERMISSION && principal === '*' && !(sourceAccount ?? sourceArn ?? principalOrgId);
        })
        .filter(({ inputs }) => named(graph, inputs['function'] ?? inputs['functionName'], FUNCTION) === target)
        .map(({ name }) => `${name} lets anybody invoke it`),
  }),
  rule('lambda-runtime', {
    source: 'FSBP Lambda.2',
    title: 'Functions run on a runtime that AWS maintains',
    types: [FUNCTION],
    find: ({ inputs }) =>
      RUNTIMES.includes(String(inputs['runtime']))
        ? []
        : [`runtime is ${shown(inputs['runtime'])}; expected ${RUNTIMES.join(' or ')}`],
  }),
  rule('lambda-zones', {
    source: 'FSBP Lambda.5',
    title: 'Functions in a VPC run in two zones or more',
    types: [FUNCTION],
    where: ({ inputs }) => listAt(inputs, 'vpcConfig.subnetIds').length > 0,
    find: ({ inputs }) =>
      listAt(inputs, 'vpcConfig.subnetIds').length > 1 ? [] : ['vpcConfig names one subnet; expected two or more'],
  }),
  rule('lambda-in-vpc', {
    title: 'Functions run inside the network',
    types: [FUNCTION],
    find: ({ inputs }) =>
      isUnknown(inputs['vpcConfig']) ? [] : wantsSome('vpcConfig.subnetIds', 'private subnets')({ inputs }),
  }),
  rule('lambda-tracing', {
    title: 'Functions are traced',
    types: [FUNCTION],
    find: wants('tracingConfig.mode', 'Active'),
  }),
  rule('lambda-environment-key', {
    title: 'A function’s environment is encrypted with a key of the platform’s own',
    types: [FUNCTION],
    find: wantsSome('kmsKeyArn', 'the ARN of a key'),
  }),
  rule('lambda-memory', {
    title: 'A function has 128 to 10240 MB of memory',
    types: [FUNCTION],
    find: numberWithin('memorySize', 128, 10_240),
  }),
  rule('lambda-time-limit', {
    title: 'A function runs for 1 to 900 seconds',
    types: [FUNCTION],
    find: numberWithin('timeout', 1, 900),
  }),
  rule('lambda-one-at-a-time', {
    title: 'A function that `up` invokes runs once at a time',
    types: [FUNCTION],
    where: (target, graph) =>
      graph.resources.some(
        ({ type, inputs }) => type === INVOCATION && named(graph, inputs['functionName'], FUNCTION) === target,
      ),
    find: ({ inputs }) =>
      numberAt(inputs, 'reservedConcurrentExecutions') === 1
        ? []
        : [`reservedConcurrentExecutions is ${shown(inputs['reservedConcurrentExecutions'])}; expected 1`],
  }),
];
