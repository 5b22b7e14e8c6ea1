import type { SNS } from '@aws-sdk/client-sns';

import type { Kinds, Properties } from '../kind';
import { tagChanges, tagList, tagMap, text, unlessGone } from '../shapes';

const GONE = 'NotFoundException';

/** Inputs that are attributes of a topic, by the API's name. */
const ATTRIBUTES = { displayName: 'DisplayName', kmsMasterKeyId: 'KmsMasterKeyId', policy: 'Policy' } as const;

async function setAttributes(sns: SNS, TopicArn: string, inputs: Properties): Promise<void> {
  for (const [input, AttributeName] of Object.entries(ATTRIBUTES)) {
    const AttributeValue = inputs[input];
    if (typeof AttributeValue === 'string') await sns.setTopicAttributes({ TopicArn, AttributeName, AttributeValue });
  }
}

export const sns: Kinds = {
  'aws:sns/topic:Topic': {
    autoname: 'name',
    tagged: true,
    replaces: ['name', 'fifoTopic'],
    async create({ sns }, inputs) {
      const { TopicArn = '' } = await sns.createTopic({ Name: text(inputs, 'name'), Tags: tagList(inputs) });
      await setAttributes(sns, TopicArn, inputs);
      return TopicArn;
    },
    async read({ sns }, TopicArn) {
      const found = await unlessGone(sns.getTopicAttributes({ TopicArn }), GONE);
      if (found === undefined) return undefined;
      const { Tags } = await sns.listTagsForResource({ ResourceArn: TopicArn });
      const { Attributes = {} } = found;
      return {
        arn: TopicArn,
        name: TopicArn.split(':').at(-1) ?? '',
        ...Object.fromEntries(Object.entries(ATTRIBUTES).map(([input, name]) => [input, Attributes[name] ?? ''])),
        tags: tagMap(Tags),
      };
    },
    async update({ sns }, ResourceArn, inputs, old) {
      await setAttributes(sns, ResourceArn, inputs);
      const { set, remove } = tagChanges(inputs, old);
      if (remove.length > 0) await sns.untagResource({ ResourceArn, TagKeys: remove });
      await sns.tagResource({ ResourceArn, Tags: set });
    },
    delete: ({ sns }, TopicArn) => unlessGone(sns.deleteTopic({ TopicArn }), GONE),
  },

  'aws:sns/topicPolicy:TopicPolicy': {
    replaces: ['arn'],
    async create({ sns }, inputs) {
      await setAttributes(sns, text(inputs, 'arn'), inputs);
      return text(inputs, 'arn');
    },
    async read({ sns }, TopicArn) {
      const found = await unlessGone(sns.getTopicAttributes({ TopicArn }), GONE);
      return found && { arn: TopicArn, policy: found.Attributes?.['Policy'] ?? '' };
    },
    update: ({ sns }, arn, inputs) => setAttributes(sns, arn, inputs),
    // The real provider gives the topic AWS's default policy back; the topic goes right after.
    delete: () => Promise.resolve(),
  },

  'aws:sns/topicSubscription:TopicSubscription': {
    replaces: ['topic', 'protocol', 'endpoint'],
    unread: ['confirmationTimeoutInMinutes', 'endpointAutoConfirms'],
    async create({ sns }, inputs) {
      const { SubscriptionArn = '' } = await sns.subscribe({
        TopicArn: text(inputs, 'topic'),
        Protocol: text(inputs, 'protocol'),
        Endpoint: text(inputs, 'endpoint'),
        ReturnSubscriptionArn: true,
      });
      return SubscriptionArn;
    },
    async read({ sns }, id, known) {
      const found = await unlessGone(sns.listSubscriptionsByTopic({ TopicArn: text(known, 'topic') }), GONE);
      // An address that has not confirmed yet is listed without its number.
      const one = found?.Subscriptions?.find(
        ({ SubscriptionArn, Endpoint, Protocol }) =>
          SubscriptionArn === id ||
          (SubscriptionArn === 'PendingConfirmation' &&
            Endpoint === known['endpoint'] &&
            Protocol === known['protocol']),
      );
      return one && { topic: one.TopicArn ?? '', protocol: one.Protocol ?? '', endpoint: one.Endpoint ?? '', arn: id };
    },
    delete: ({ sns }, SubscriptionArn) => unlessGone(sns.unsubscribe({ SubscriptionArn }), GONE),
  },
};
