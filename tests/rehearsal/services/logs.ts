import type { Kinds, Properties } from '../kind';
import { fromApi, text, unlessGone } from '../shapes';

const GONE = 'ResourceNotFoundException';

export const logs: Kinds = {
  'aws:cloudwatch/logGroup:LogGroup': {
    autoname: 'name',
    tagged: true,
    replaces: ['name', 'logGroupClass'],
    unread: ['skipDestroy', 'deletionProtectionEnabled'],
    async create({ logs }, inputs) {
      const [logGroupName, { kmsKeyId }] = [text(inputs, 'name'), inputs];
      await logs.createLogGroup({
        logGroupName,
        tags: (inputs['tags'] ?? {}) as Record<string, string>,
        ...(typeof kmsKeyId === 'string' ? { kmsKeyId } : {}),
      });
      const retentionInDays = Number(inputs['retentionInDays'] ?? 0);
      if (retentionInDays > 0) await logs.putRetentionPolicy({ logGroupName, retentionInDays });
      return logGroupName;
    },
    async read({ logs }, id) {
      const { logGroups = [] } = await logs.describeLogGroups({ logGroupNamePrefix: id });
      const group = logGroups.find(({ logGroupName }) => logGroupName === id);
      if (group === undefined) return undefined;
      const arn = (group.arn ?? '').replace(/:\*$/, '');
      const { tags = {} } = await logs.listTagsForResource({ resourceArn: arn });
      const { retentionInDays, kmsKeyId, logGroupClass } = group;
      return { ...fromApi({ retentionInDays, kmsKeyId, logGroupClass }), name: id, arn, tags };
    },
    async update({ logs }, logGroupName, inputs, { outputs }) {
      const retentionInDays = Number(inputs['retentionInDays'] ?? 0);
      await (retentionInDays > 0
        ? logs.putRetentionPolicy({ logGroupName, retentionInDays })
        : logs.deleteRetentionPolicy({ logGroupName }));
      const { kmsKeyId } = inputs;
      if (typeof kmsKeyId === 'string' && kmsKeyId !== outputs['kmsKeyId'])
        await logs.associateKmsKey({ logGroupName, kmsKeyId });
      const tags = (inputs['tags'] ?? {}) as Record<string, string>;
      const tagKeys = Object.keys((outputs['tags'] ?? {}) as Properties).filter((key) => !(key in tags));
      const resourceArn = text(outputs, 'arn');
      if (tagKeys.length > 0) await logs.untagResource({ resourceArn, tagKeys });
      await logs.tagResource({ resourceArn, tags });
    },
    delete: ({ logs }, logGroupName) => unlessGone(logs.deleteLogGroup({ logGroupName }), GONE),
  },

  'aws:cloudwatch/logMetricFilter:LogMetricFilter': {
    autoname: 'name',
    replaces: ['name', 'logGroupName'],
    async create({ logs }, inputs) {
      await logs.putMetricFilter(metricFilter(inputs));
      return text(inputs, 'name');
    },
    async read({ logs }, filterNamePrefix, known) {
      const logGroupName = text(known, 'logGroupName');
      const found = await unlessGone(logs.describeMetricFilters({ logGroupName, filterNamePrefix }), GONE);
      const one = found?.metricFilters?.find(({ filterName }) => filterName === filterNamePrefix);
      if (one === undefined) return undefined;
      const [transformation] = one.metricTransformations ?? [];
      const { metricName = '', metricNamespace = '', metricValue = '', ...others } = transformation ?? {};
      return {
        name: filterNamePrefix,
        logGroupName,
        pattern: one.filterPattern ?? '',
        metricTransformation: { ...fromApi(others), name: metricName, namespace: metricNamespace, value: metricValue },
      };
    },
    update: ({ logs }, _id, inputs) => logs.putMetricFilter(metricFilter(inputs)),
    delete: ({ logs }, filterName, outputs) =>
      unlessGone(logs.deleteMetricFilter({ filterName, logGroupName: text(outputs, 'logGroupName') }), GONE),
  },
};

function metricFilter(inputs: Properties) {
  const { name, namespace, value, defaultValue, unit, dimensions } = inputs['metricTransformation'] as Record<
    string,
    string
  > & { dimensions?: Record<string, string> };
  return {
    filterName: text(inputs, 'name'),
    logGroupName: text(inputs, 'logGroupName'),
    filterPattern: text(inputs, 'pattern'),
    metricTransformations: [
      {
        metricName: name,
        metricNamespace: namespace,
        metricValue: value,
        ...(defaultValue === undefined ? {} : { defaultValue: Number(defaultValue) }),
        ...(unit === undefined ? {} : { unit: unit as 'Count' }),
        ...(dimensions === undefined ? {} : { dimensions }),
      },
    ],
  };
}
