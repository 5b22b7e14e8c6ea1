import type { UserAuthConfig } from '@aws-sdk/client-rds';

import type { Properties, ResourceKind } from '../kind';
import { defined, tagList, tagMap, text, texts, toApi, unlessGone } from '../shapes';

/** What CreateDBProxy and ModifyDBProxy both take. */
function settings(inputs: Properties): {
  Auth?: UserAuthConfig[];
  DebugLogging?: boolean;
  DefaultAuthScheme?: 'IAM_AUTH' | 'NONE';
  IdleClientTimeout?: number;
  RequireTLS?: boolean;
} {
  return defined({
    Auth: inputs['auths'] === undefined ? undefined : toApi(inputs['auths']),
    DebugLogging: inputs['debugLogging'],
    DefaultAuthScheme: inputs['defaultAuthScheme'],
    IdleClientTimeout: inputs['idleClientTimeout'],
    RequireTLS: inputs['requireTls'],
  });
}

export const PROXY: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['engineFamily', 'name', 'vpcSubnetIds'],
  async create(clients, inputs) {
    const name = text(inputs, 'name');
    await clients.rds.createDBProxy({
      ...settings(inputs),
      DBProxyName: name,
      EngineFamily: 'POSTGRESQL',
      RoleArn: text(inputs, 'roleArn'),
      VpcSubnetIds: texts(inputs, 'vpcSubnetIds'),
      VpcSecurityGroupIds: texts(inputs, 'vpcSecurityGroupIds'),
      Tags: tagList(inputs),
    });
    return name;
  },
  async read(clients, id) {
    const answer = await unlessGone(clients.rds.describeDBProxies({ DBProxyName: id }), /^DBProxyNotFound/);
    const found = answer?.DBProxies?.[0];
    if (found === undefined) return undefined;
    const { TagList } = await clients.rds.listTagsForResource({ ResourceName: found.DBProxyArn });
    return defined({
      name: found.DBProxyName,
      arn: found.DBProxyArn,
      endpoint: found.Endpoint,
      engineFamily: found.EngineFamily,
      debugLogging: found.DebugLogging,
      defaultAuthScheme: found.DefaultAuthScheme,
      idleClientTimeout: found.IdleClientTimeout,
      requireTls: found.RequireTLS,
      roleArn: found.RoleArn,
      vpcSecurityGroupIds: found.VpcSecurityGroupIds,
      vpcSubnetIds: found.VpcSubnetIds,
      tags: tagMap(TagList),
    });
  },
  update: (clients, id, inputs) =>
    clients.rds.modifyDBProxy({
      ...settings(inputs),
      DBProxyName: id,
      RoleArn: text(inputs, 'roleArn'),
      SecurityGroups: texts(inputs, 'vpcSecurityGroupIds'),
    }),
  delete: (clients, id) => clients.rds.deleteDBProxy({ DBProxyName: id }),
};

/** It comes and goes with the proxy. */
export const DEFAULT_TARGET_GROUP: ResourceKind = {
  replaces: ['dbProxyName'],
  async create(clients, inputs) {
    const proxy = text(inputs, 'dbProxyName');
    await clients.rds.modifyDBProxyTargetGroup({
      DBProxyName: proxy,
      TargetGroupName: 'default',
      ConnectionPoolConfig: toApi(inputs['connectionPoolConfig']),
    });
    return proxy;
  },
  async read(clients, id) {
    const answer = await unlessGone(clients.rds.describeDBProxyTargetGroups({ DBProxyName: id }), /^DBProxyNotFound/);
    const found = answer?.TargetGroups?.[0];
    if (found === undefined) return undefined;
    const pool = found.ConnectionPoolConfig;
    return defined({
      dbProxyName: found.DBProxyName,
      name: found.TargetGroupName,
      arn: found.TargetGroupArn,
      connectionPoolConfig: defined({
        connectionBorrowTimeout: pool?.ConnectionBorrowTimeout,
        initQuery: pool?.InitQuery,
        maxConnectionsPercent: pool?.MaxConnectionsPercent,
        maxIdleConnectionsPercent: pool?.MaxIdleConnectionsPercent,
        sessionPinningFilters: pool?.SessionPinningFilters,
      }),
    });
  },
  update: (clients, _id, inputs, _old, context) => DEFAULT_TARGET_GROUP.create(clients, inputs, context),
  delete: () => Promise.resolve(),
};

export const TARGET: ResourceKind = {
  replaces: [],
  async create(clients, inputs) {
    const [proxy, group, instance] = [
      text(inputs, 'dbProxyName'),
      text(inputs, 'targetGroupName'),
      text(inputs, 'dbInstanceIdentifier'),
    ];
    await clients.rds.registerDBProxyTargets({
      DBProxyName: proxy,
      TargetGroupName: group,
      DBInstanceIdentifiers: [instance],
    });
    return `${proxy}/${group}/RDS_INSTANCE/${instance}`;
  },
  async read(clients, id) {
    const [proxy, group, , instance] = id.split('/');
    const answer = await unlessGone(
      clients.rds.describeDBProxyTargets({ DBProxyName: proxy, TargetGroupName: group }),
      /^DBProxy(TargetGroup)?NotFound/,
    );
    const found = answer?.Targets?.find(({ RdsResourceId }) => RdsResourceId === instance);
    if (found === undefined) return undefined;
    return defined({
      dbProxyName: proxy,
      targetGroupName: group,
      dbInstanceIdentifier: found.RdsResourceId,
      endpoint: found.Endpoint,
      port: found.Port,
      rdsResourceId: found.RdsResourceId,
      targetArn: found.TargetArn,
      type: found.Type,
    });
  },
  delete(clients, id) {
    const [proxy, group, , instance = ''] = id.split('/');
    return clients.rds.deregisterDBProxyTargets({
      DBProxyName: proxy,
      TargetGroupName: group,
      DBInstanceIdentifiers: [instance],
    });
  },
};
