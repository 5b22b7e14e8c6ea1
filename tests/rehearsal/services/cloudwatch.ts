import type { Dimension, MetricDataQuery, PutMetricAlarmInput } from '@aws-sdk/client-cloudwatch';

import type { Kinds, Properties, Value } from '../kind';
import { fromApi, tagChanges, tagList, tagMap, text, toApi, unlessGone } from '../shapes';

const NAMES = {
  name: 'AlarmName',
  okActions: 'OKActions',
};
const TRANSLATED = ['tags', 'dimensions', 'metricQueries'];

const dimensionList = (dimensions: Value | undefined): Dimension[] =>
  Object.entries((dimensions ?? {}) as Record<string, string>).map(([Name, Value]) => ({ Name, Value }));
const dimensionMap = (dimensions: Dimension[] = []): Properties =>
  Object.fromEntries(dimensions.map(({ Name = '', Value = '' }) => [Name, Value]));

/** The package says `metric: { metricName, period, stat, … }`, the API `MetricStat: { Metric: { MetricName, … }, Period, Stat }`. */
function queryToApi({ metric, ...others }: Properties): MetricDataQuery {
  const query = toApi<MetricDataQuery>(others);
  if (metric === undefined) return query;
  const { metricName, namespace, dimensions, ...statistic } = metric as Properties;
  const of = {
    ...toApi<object>({ metricName: metricName ?? '', namespace: namespace ?? '' }),
    Dimensions: dimensionList(dimensions),
  };
  return { ...query, MetricStat: { ...toApi<{ Period: number; Stat: string }>(statistic), Metric: of } };
}

function queryFromApi({ MetricStat, ...others }: MetricDataQuery): Properties {
  if (MetricStat === undefined) return fromApi(others);
  const { Metric, ...statistic } = MetricStat;
  const { Dimensions, ...named } = Metric ?? {};
  const metric = { ...fromApi(statistic), ...fromApi(named), dimensions: dimensionMap(Dimensions) };
  return { ...fromApi(others), metric };
}

function alarmToApi(inputs: Properties): PutMetricAlarmInput {
  const plain = Object.fromEntries(
    Object.entries(inputs).filter(([key]) => !key.startsWith('__') && !TRANSLATED.includes(key)),
  );
  const { metricQueries, dimensions } = inputs;
  return {
    ...toApi<PutMetricAlarmInput>(plain, NAMES),
    ...(dimensions === undefined ? {} : { Dimensions: dimensionList(dimensions) }),
    ...(metricQueries === undefined ? {} : { Metrics: (metricQueries as Properties[]).map(queryToApi) }),
  };
}

export const cloudwatch: Kinds = {
  'aws:cloudwatch/metricAlarm:MetricAlarm': {
    autoname: 'name',
    tagged: true,
    replaces: ['name'],
    async create({ cloudwatch }, inputs) {
      await cloudwatch.putMetricAlarm({ ...alarmToApi(inputs), Tags: tagList(inputs) });
      return text(inputs, 'name');
    },
    async read({ cloudwatch }, id) {
      const { MetricAlarms = [] } = await cloudwatch.describeAlarms({ AlarmNames: [id] });
      const [alarm] = MetricAlarms;
      if (alarm === undefined) return undefined;
      const { Dimensions, Metrics, AlarmArn = '', ...others } = alarm;
      const { Tags } = await cloudwatch.listTagsForResource({ ResourceARN: AlarmArn });
      return {
        ...fromApi(others, NAMES),
        arn: AlarmArn,
        dimensions: dimensionMap(Dimensions),
        metricQueries: (Metrics ?? []).map(queryFromApi),
        tags: tagMap(Tags),
      };
    },
    async update({ cloudwatch }, _id, inputs, old) {
      await cloudwatch.putMetricAlarm(alarmToApi(inputs));
      const ResourceARN = text(old.outputs, 'arn');
      const { set, remove } = tagChanges(inputs, old);
      if (remove.length > 0) await cloudwatch.untagResource({ ResourceARN, TagKeys: remove });
      await cloudwatch.tagResource({ ResourceARN, Tags: set });
    },
    delete: ({ cloudwatch }, id) => unlessGone(cloudwatch.deleteAlarms({ AlarmNames: [id] }), 'ResourceNotFound'),
  },
};
