import { covers, isReadable, saying, statementsOf } from '../documents';
import { named } from '../references';
import { type Rule, rule } from '../rule';
import { FLOW_LOG, FUNCTION, INSTANCE, POLICY, PROXY, ROLE, ROLE_POLICY, SCHEDULE, TASK_DEFINITION } from '../types';
import { at } from '../values';

/** Whose role each resource names, and which service takes it on. */
const USERS: readonly { type: string; path: string; service: string }[] = [
  { type: FUNCTION, path: 'role', service: 'lambda.amazonaws.com' },
  { type: TASK_DEFINITION, path: 'taskRoleArn', service: 'ecs-tasks.amazonaws.com' },
  { type: TASK_DEFINITION, path: 'executionRoleArn', service: 'ecs-tasks.amazonaws.com' },
  { type: SCHEDULE, path: 'target.roleArn', service: 'scheduler.amazonaws.com' },
  { type: INSTANCE, path: 'monitoringRoleArn', service: 'monitoring.rds.amazonaws.com' },
  { type: PROXY, path: 'roleArn', service: 'rds.amazonaws.com' },
  { type: FLOW_LOG, path: 'iamRoleArn', service: 'vpc-flow-logs.amazonaws.com' },
];

const rights = [ROLE_POLICY, POLICY];
const isEverything = (resource: string): boolean => resource === '*';

export const iamRules: readonly Rule[] = [
  rule('iam-no-administrator', {
    source: 'FSBP IAM.1',
    title: 'No policy allows everything on everything',
    types: rights,
    find: (policy) =>
      statementsOf(policy, 'policy')
        .filter(({ isAllow, actions, resources }) => isAllow && actions.includes('*') && resources.some(isEverything))
        .map((statement) => `${saying(statement)} allows * on *`),
  }),
  rule('iam-no-service-wildcard', {
    source: 'FSBP IAM.21',
    title: 'No policy allows all actions of a service',
    types: rights,
    find: (policy) =>
      statementsOf(policy, 'policy')
        .filter(({ isAllow }) => isAllow)
        .flatMap(({ actions }) => actions.filter((action) => /^[\w-]+:\*$/.test(action)))
        .map((action) => `it allows ${action}`),
  }),
  rule('iam-no-wildcards', {
    title: 'No policy allows a family of actions (s3:Get*) on every resource, or everything but a list',
    types: rights,
    find: (policy) =>
      statementsOf(policy, 'policy')
        .filter(({ isAllow, isNegated, actions, resources }) => {
          const isFamily = actions.some((action) => /^[\w-]+:.+\*/.test(action) || /^[\w-]+:\*.+/.test(action));
          return isAllow && (isNegated || (isFamily && resources.some(isEverything)));
        })
        .map((statement) => `${saying(statement)} is open to every resource`),
  }),
  rule('iam-trust', {
    title: 'Every role can be taken on by the service that uses it',
    types: [...new Set(USERS.map(({ type }) => type))],
    find: ({ type, inputs }, graph) =>
      USERS.filter((user) => user.type === type).flatMap(({ path, service }) => {
        const role = named(graph, at(inputs, path), ROLE);
        if (role === undefined || !isReadable(role, 'assumeRolePolicy')) return [];
        const trusted = statementsOf(role, 'assumeRolePolicy').filter(
          ({ isAllow, actions }) => isAllow && actions.some((action) => covers(action, 'sts:AssumeRole')),
        );
        const services = trusted.flatMap((statement) => statement.services);
        return services.includes(service)
          ? []
          : [`${path} is ${role.name}, which trusts ${services.join(', ') || 'no service'}; expected ${service}`];
      }),
  }),
  rule('iam-trust-nobody', {
    title: 'No role can be taken on by anybody',
    types: [ROLE],
    find: (role) =>
      statementsOf(role, 'assumeRolePolicy')
        .filter(({ isAllow, principals }) => isAllow && principals.includes('*'))
        .map((statement) => `${saying(statement)} trusts *`),
  }),
];
