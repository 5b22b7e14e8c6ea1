import type { RegisterTaskDefinitionCommandInput, Tag } from '@aws-sdk/client-ecs';

import type { Kinds, Properties, ResourceKind } from '../kind';
import { defined, request, text, unlessGone } from '../shapes';

const tagsRequested = (inputs: Properties): Tag[] =>
  Object.entries((inputs['tags'] ?? {}) as Record<string, string>).map(([key, value]) => ({ key, value }));

const tagsOf = (tags: readonly Tag[] | undefined): Properties =>
  Object.fromEntries((tags ?? []).map(({ key, value }) => [key ?? '', value ?? '']));

const CLUSTER: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['name'],
  async create(clients, inputs) {
    const { name: clusterName, configuration, settings } = inputs;
    const { cluster } = await clients.ecs.createCluster(
      request({ clusterName, configuration, settings, tags: tagsRequested(inputs) }),
    );
    return cluster?.clusterArn ?? '';
  },
  async read(clients, id) {
    const { clusters } = await clients.ecs.describeClusters({
      clusters: [id],
      include: ['CONFIGURATIONS', 'SETTINGS', 'TAGS'],
    });
    const found = clusters?.find(({ status }) => status === 'ACTIVE');
    if (found === undefined) return undefined;
    const { clusterArn: arn, clusterName: name, configuration, settings } = found;
    return defined({ arn, name, configuration, settings, tags: tagsOf(found.tags) });
  },
  update(clients, id, { configuration, settings }) {
    return clients.ecs.updateCluster(request({ cluster: id, configuration, settings }));
  },
  delete: (clients, id) => clients.ecs.deleteCluster({ cluster: id }),
};

/** Whether an answer holds all that was asked for: ECS fills in what was not. */
function holds(actual: unknown, asked: unknown): boolean {
  if (Array.isArray(asked))
    return (
      Array.isArray(actual) &&
      actual.length === asked.length &&
      asked.every((entry, index) => holds(actual[index], entry))
    );
  if (asked === null || typeof asked !== 'object') return actual === asked;
  if (actual === null || typeof actual !== 'object') return false;
  return Object.entries(asked).every(([key, entry]) => holds((actual as Record<string, unknown>)[key], entry));
}

/** Every change is a revision of its own. */
const TASK_DEFINITION: ResourceKind = {
  tagged: true,
  replaces: [],
  unread: ['skipDestroy', 'trackLatest'],
  async create(clients, inputs) {
    const storage = inputs['ephemeralStorage'];
    const asked = request<RegisterTaskDefinitionCommandInput>({
      ...inputs,
      containerDefinitions: JSON.parse(text(inputs, 'containerDefinitions')) as unknown,
      ephemeralStorage: storage && { sizeInGiB: (storage as Properties)['sizeInGib'] },
      skipDestroy: undefined,
      tags: tagsRequested(inputs),
    });
    const { taskDefinition } = await clients.ecs.registerTaskDefinition(asked);
    return { id: text(inputs, 'family'), once: { arn: taskDefinition?.taskDefinitionArn ?? '' } };
  },
  async read(clients, _id, known) {
    const answer = await unlessGone(
      clients.ecs.describeTaskDefinition({ taskDefinition: text(known, 'arn'), include: ['TAGS'] }),
      'ClientException',
    );
    const found = answer?.taskDefinition;
    if (found?.status !== 'ACTIVE') return undefined;
    const declared = text(known, 'containerDefinitions');
    const { containerDefinitions, ephemeralStorage: storage, taskDefinitionArn: arn } = found;
    return defined({
      arn,
      arnWithoutRevision: arn?.replace(/:\d+$/, ''),
      containerDefinitions: holds(containerDefinitions, JSON.parse(declared))
        ? declared
        : JSON.stringify(containerDefinitions),
      cpu: found.cpu,
      ephemeralStorage: storage && { sizeInGib: storage.sizeInGiB },
      executionRoleArn: found.executionRoleArn,
      family: found.family,
      memory: found.memory,
      networkMode: found.networkMode,
      requiresCompatibilities: found.requiresCompatibilities,
      revision: found.revision,
      runtimePlatform: found.runtimePlatform,
      taskRoleArn: found.taskRoleArn,
      volumes: found.volumes,
      tags: tagsOf(answer?.tags),
    });
  },
  async delete(clients, _id, outputs) {
    if (outputs['skipDestroy'] === true) return;
    await clients.ecs.deregisterTaskDefinition({ taskDefinition: text(outputs, 'arn') });
  },
};

export const ecs: Kinds = {
  'aws:ecs/cluster:Cluster': CLUSTER,
  'aws:ecs/taskDefinition:TaskDefinition': TASK_DEFINITION,
};
