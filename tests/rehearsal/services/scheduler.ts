import type { CreateScheduleInput, EcsParameters, NetworkConfiguration, Target } from '@aws-sdk/client-scheduler';

import type { Kinds, Properties, ResourceKind } from '../kind';
import { defined, fromApi, tagList, tagMap, text, toApi, unlessGone } from '../shapes';

/** The service nests the network in `awsvpcConfiguration`, and says ENABLED and DISABLED where the provider has a flag. */
function networkRequest({ assignPublicIp, ...rest }: Properties): NetworkConfiguration {
  const AssignPublicIp = assignPublicIp === true ? 'ENABLED' : 'DISABLED';
  return {
    awsvpcConfiguration: { ...toApi<NonNullable<NetworkConfiguration['awsvpcConfiguration']>>(rest), AssignPublicIp },
  };
}

function networkOf(network: NetworkConfiguration | undefined): Properties | undefined {
  const found = network?.awsvpcConfiguration;
  return found && { ...fromApi(found), assignPublicIp: found.AssignPublicIp === 'ENABLED' };
}

function targetRequest({ ecsParameters, ...rest }: Properties): Target {
  const target = toApi<Target>(rest);
  if (ecsParameters === undefined) return target;
  const { networkConfiguration, ...ecs } = ecsParameters as Properties;
  const NetworkConfiguration = networkConfiguration && networkRequest(networkConfiguration as Properties);
  return {
    ...target,
    EcsParameters: { ...toApi<EcsParameters>(ecs), ...(NetworkConfiguration ? { NetworkConfiguration } : {}) },
  };
}

function targetOf({ EcsParameters, ...rest }: Partial<Target> = {}): Properties {
  const { NetworkConfiguration, ...ecs } = EcsParameters ?? {};
  const ecsParameters =
    EcsParameters && defined({ ...fromApi(ecs), networkConfiguration: networkOf(NetworkConfiguration) });
  return defined({ ...fromApi(rest), ecsParameters });
}

const request = ({ target, tags: _tags, ...rest }: Properties): CreateScheduleInput => ({
  ...toApi<CreateScheduleInput>(rest),
  Target: targetRequest(target as Properties),
});

const SCHEDULE: ResourceKind = {
  autoname: 'name',
  replaces: ['groupName', 'name'],
  async create(clients, inputs) {
    await clients.scheduler.createSchedule(request(inputs));
    return `${'groupName' in inputs ? text(inputs, 'groupName') : 'default'}/${text(inputs, 'name')}`;
  },
  async read(clients, id) {
    const [GroupName, Name] = id.split('/');
    const found = await unlessGone(clients.scheduler.getSchedule({ GroupName, Name }), /^ResourceNotFound/);
    if (found === undefined) return undefined;
    const { Target: target, ...rest } = found;
    return { ...fromApi(rest), target: targetOf(target) };
  },
  update: (clients, _id, inputs) => clients.scheduler.updateSchedule(request(inputs)),
  delete(clients, id) {
    const [GroupName, Name] = id.split('/');
    return clients.scheduler.deleteSchedule({ GroupName, Name });
  },
};

const GROUP: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['name'],
  async create(clients, inputs) {
    const name = text(inputs, 'name');
    await clients.scheduler.createScheduleGroup({ Name: name, Tags: tagList(inputs) });
    return name;
  },
  async read(clients, id) {
    const found = await unlessGone(clients.scheduler.getScheduleGroup({ Name: id }), /^ResourceNotFound/);
    if (found === undefined) return undefined;
    const { Tags } = await clients.scheduler.listTagsForResource({ ResourceArn: found.Arn });
    return defined({ arn: found.Arn, name: found.Name, state: found.State, tags: tagMap(Tags) });
  },
  delete: (clients, id) => clients.scheduler.deleteScheduleGroup({ Name: id }),
};

export const scheduler: Kinds = {
  'aws:scheduler/schedule:Schedule': SCHEDULE,
  'aws:scheduler/scheduleGroup:ScheduleGroup': GROUP,
};
