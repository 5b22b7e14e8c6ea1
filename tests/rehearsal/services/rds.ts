import type { Parameter, RDS } from '@aws-sdk/client-rds';

import type { Clients } from '../clients';
import type { Kinds, Properties, ResourceKind } from '../kind';
import { defined, tagList, tagMap, text, texts, unlessGone } from '../shapes';
import { INSTANCE } from './rdsInstance';
import { DEFAULT_TARGET_GROUP, PROXY, TARGET } from './rdsProxy';

async function tagsOf(client: RDS, arn: string | undefined): Promise<Properties> {
  const { TagList } = await client.listTagsForResource({ ResourceName: arn });
  return tagMap(TagList);
}

const SUBNET_GROUP: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['name'],
  async create(clients, inputs) {
    const name = text(inputs, 'name');
    await clients.rds.createDBSubnetGroup({
      DBSubnetGroupName: name,
      DBSubnetGroupDescription: text(inputs, 'description'),
      SubnetIds: texts(inputs, 'subnetIds'),
      Tags: tagList(inputs),
    });
    return name;
  },
  async read(clients, id) {
    const answer = await unlessGone(
      clients.rds.describeDBSubnetGroups({ DBSubnetGroupName: id }),
      /^DBSubnetGroupNotFound/,
    );
    const found = answer?.DBSubnetGroups?.[0];
    if (found === undefined) return undefined;
    return defined({
      name: found.DBSubnetGroupName,
      arn: found.DBSubnetGroupArn,
      description: found.DBSubnetGroupDescription,
      subnetIds: found.Subnets?.map(({ SubnetIdentifier }) => SubnetIdentifier),
      vpcId: found.VpcId,
      tags: await tagsOf(clients.rds, found.DBSubnetGroupArn),
    });
  },
  update: (clients, id, inputs) =>
    clients.rds.modifyDBSubnetGroup({
      DBSubnetGroupName: id,
      DBSubnetGroupDescription: text(inputs, 'description'),
      SubnetIds: texts(inputs, 'subnetIds'),
    }),
  delete: (clients, id) => clients.rds.deleteDBSubnetGroup({ DBSubnetGroupName: id }),
};

const parametersOf = (properties: Properties): Parameter[] =>
  ((properties['parameters'] ?? []) as Record<string, string>[]).map(({ name, value, applyMethod }) => ({
    ParameterName: name,
    ParameterValue: value,
    ApplyMethod: applyMethod === 'pending-reboot' ? 'pending-reboot' : 'immediate',
  }));

async function setParameters(clients: Clients, group: string, news: Parameter[], olds: Parameter[]): Promise<void> {
  const changed = news.filter((one) => !olds.some((old) => JSON.stringify(old) === JSON.stringify(one)));
  const gone = olds.filter((old) => !news.some((one) => one.ParameterName === old.ParameterName));
  // RDS takes twenty at a time.
  for (let at = 0; at < changed.length; at += 20)
    await clients.rds.modifyDBParameterGroup({
      DBParameterGroupName: group,
      Parameters: changed.slice(at, at + 20),
    });
  if (gone.length > 0) await clients.rds.resetDBParameterGroup({ DBParameterGroupName: group, Parameters: gone });
}

const PARAMETER_GROUP: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['description', 'family', 'name'],
  async create(clients, inputs) {
    const name = text(inputs, 'name');
    await clients.rds.createDBParameterGroup({
      DBParameterGroupName: name,
      DBParameterGroupFamily: text(inputs, 'family'),
      Description: text(inputs, 'description'),
      Tags: tagList(inputs),
    });
    await setParameters(clients, name, parametersOf(inputs), []);
    return name;
  },
  async read(clients, id) {
    const answer = await unlessGone(
      clients.rds.describeDBParameterGroups({ DBParameterGroupName: id }),
      /^DBParameterGroupNotFound/,
    );
    const found = answer?.DBParameterGroups?.[0];
    if (found === undefined) return undefined;
    const { Parameters } = await clients.rds.describeDBParameters({ DBParameterGroupName: id, Source: 'user' });
    return defined({
      name: found.DBParameterGroupName,
      arn: found.DBParameterGroupArn,
      description: found.Description,
      family: found.DBParameterGroupFamily,
      parameters: Parameters?.map((one) =>
        defined({ applyMethod: one.ApplyMethod, name: one.ParameterName, value: one.ParameterValue }),
      ),
      tags: await tagsOf(clients.rds, found.DBParameterGroupArn),
    });
  },
  update: (clients, id, inputs, { outputs }) => setParameters(clients, id, parametersOf(inputs), parametersOf(outputs)),
  delete: (clients, id) => clients.rds.deleteDBParameterGroup({ DBParameterGroupName: id }),
};

function moto({ lacking }: Clients): RDS {
  if (lacking === undefined) throw new Error('RDS event subscriptions need moto beside ministack');
  return lacking.rds;
}

const EVENT_SUBSCRIPTION: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['name'],
  async create(clients, inputs) {
    const name = text(inputs, 'name');
    await moto(clients).createEventSubscription({
      SubscriptionName: name,
      SnsTopicArn: text(inputs, 'snsTopic'),
      SourceType: text(inputs, 'sourceType'),
      EventCategories: texts(inputs, 'eventCategories'),
      SourceIds: texts(inputs, 'sourceIds'),
      Enabled: inputs['enabled'] !== false,
      Tags: tagList(inputs),
    });
    return name;
  },
  async read(clients, id) {
    const answer = await unlessGone(
      moto(clients).describeEventSubscriptions({ SubscriptionName: id }),
      /^SubscriptionNotFound/,
    );
    const found = answer?.EventSubscriptionsList?.[0];
    if (found === undefined) return undefined;
    return defined({
      name: found.CustSubscriptionId,
      arn: found.EventSubscriptionArn,
      enabled: found.Enabled,
      eventCategories: found.EventCategoriesList,
      snsTopic: found.SnsTopicArn,
      sourceIds: found.SourceIdsList,
      sourceType: found.SourceType,
      tags: await tagsOf(moto(clients), found.EventSubscriptionArn),
    });
  },
  // moto has no ModifyEventSubscription.
  async update(clients, id, inputs, _old, context) {
    await moto(clients).deleteEventSubscription({ SubscriptionName: id });
    await EVENT_SUBSCRIPTION.create(clients, inputs, context);
  },
  delete: (clients, id) => moto(clients).deleteEventSubscription({ SubscriptionName: id }),
};

export const rds: Kinds = {
  'aws:rds/subnetGroup:SubnetGroup': SUBNET_GROUP,
  'aws:rds/parameterGroup:ParameterGroup': PARAMETER_GROUP,
  'aws:rds/instance:Instance': INSTANCE,
  'aws:rds/proxy:Proxy': PROXY,
  'aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup': DEFAULT_TARGET_GROUP,
  'aws:rds/proxyTarget:ProxyTarget': TARGET,
  'aws:rds/eventSubscription:EventSubscription': EVENT_SUBSCRIPTION,
};
