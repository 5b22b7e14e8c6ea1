import { named } from '../references';
import { type PolicyGraph, type PolicyResource, type Rule, rule } from '../rule';
import { ALARM, FUNCTION, INSTANCE, LOG_GROUP, TOPIC } from '../types';
import { isUnknown, listAt, numberAt, shown, wantsSome } from '../values';

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html */
export const LOG_DAYS: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const HOUR = 3600;
const DAY = 24 * HOUR;

/** Log groups that AWS makes by itself, without an end, where the program does not make them first. */
function groupsOf({ type, inputs }: PolicyResource): string[] {
  if (type === FUNCTION) return typeof inputs['name'] === 'string' ? [`/aws/lambda/${inputs['name']}`] : [];
  const { identifier } = inputs;
  if (typeof identifier !== 'string' || isUnknown(identifier)) return [];
  const exports = listAt(inputs, 'enabledCloudwatchLogsExports');
  return exports.map((name) => `/aws/rds/instance/${identifier}/${String(name)}`);
}

const groupNamed = (graph: PolicyGraph, name: string): PolicyResource | undefined =>
  graph.resources.find(({ type, inputs }) => type === LOG_GROUP && inputs['name'] === name);

export const cloudwatchRules: readonly Rule[] = [
  rule('cloudwatch-log-days', {
    title: 'Every log ends after a time that CloudWatch knows',
    types: [LOG_GROUP],
    find: ({ inputs }) => {
      const days = numberAt(inputs, 'retentionInDays');
      return isUnknown(inputs['retentionInDays']) || (days !== undefined && LOG_DAYS.includes(days))
        ? []
        : [`retentionInDays is ${shown(inputs['retentionInDays'])}; expected one of ${LOG_DAYS.join(', ')}`];
    },
  }),
  rule('cloudwatch-log-key', {
    title: 'Every log is encrypted with a key of the platform’s own',
    types: [LOG_GROUP],
    find: wantsSome('kmsKeyId', 'the ARN of a key'),
  }),
  rule('cloudwatch-log-first', {
    title:
      'Log groups of functions and instances are declared, and made before them (AWS would make them without an end)',
    types: [FUNCTION, INSTANCE],
    find: (resource, graph) =>
      groupsOf(resource).flatMap((name) => {
        const group = groupNamed(graph, name);
        if (group === undefined) return [`log group ${name} is not declared`];
        return resource.dependencies.includes(group.urn) ? [] : [`it does not depend on log group ${name}`];
      }),
  }),
  rule('cloudwatch-alarm-told', {
    title: 'Every alarm tells somebody',
    types: [ALARM],
    find: ({ inputs }, graph) => {
      const told = listAt(inputs, 'alarmActions').filter((action) => isUnknown(action) || named(graph, action, TOPIC));
      return told.length > 0 || isUnknown(inputs['alarmActions']) ? [] : ['alarmActions names no declared topic'];
    },
  }),
  rule('cloudwatch-alarm-window', {
    title: 'An alarm looks back for a day at most, or for a week in periods of an hour or more',
    types: [ALARM],
    find: ({ inputs }) => {
      const evaluated = numberAt(inputs, 'evaluationPeriods') ?? 0;
      const points = numberAt(inputs, 'datapointsToAlarm') ?? evaluated;
      return periodsOf(inputs).flatMap((period) => {
        const isPeriod = period === 10 || period === 20 || period === 30 || (period > 0 && period % 60 === 0);
        if (!isPeriod) return [`period is ${period}; expected 10, 20, 30 or a multiple of 60 seconds`];
        const most = period >= HOUR ? 7 * DAY : DAY;
        if (evaluated < 1 || points > evaluated) return [`it counts ${points} of ${evaluated} periods`];
        return period * evaluated <= most
          ? []
          : [`it looks back for ${period * evaluated} s; CloudWatch takes ${most} s`];
      });
    },
  }),
  rule('cloudwatch-alarm-missing', {
    title: 'Every alarm says what missing data means, and what to do',
    types: [ALARM],
    find: (alarm) => {
      const missing = alarm.inputs['treatMissingData'];
      const known = ['missing', 'ignore', 'breaching', 'notBreaching'];
      return [
        ...(known.includes(String(missing))
          ? []
          : [`treatMissingData is ${shown(missing)}; expected one of ${known.join(', ')}`]),
        ...wantsSome('alarmDescription', 'what to do')(alarm),
      ];
    },
  }),
];

/** Of its one metric, or of those that its expressions are made of. */
function periodsOf(inputs: Record<string, unknown>): number[] {
  const of = [
    numberAt(inputs, 'period'),
    ...listAt(inputs, 'metricQueries').map((one) => numberAt(one, 'metric.period') ?? numberAt(one, 'period')),
  ];
  return of.filter((period) => period !== undefined);
}
