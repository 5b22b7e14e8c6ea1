import type { CreateRepositoryCommandInput } from '@aws-sdk/client-ecr';

import type { Kinds, Properties, ResourceKind } from '../kind';
import { defined, request, tagList, tagMap, text, unlessGone } from '../shapes';

const REPOSITORY: ResourceKind = {
  autoname: 'name',
  tagged: true,
  replaces: ['encryptionConfigurations', 'name'],
  unread: ['forceDelete'],
  async create(clients, inputs) {
    const [encryptionConfiguration] = (inputs['encryptionConfigurations'] ?? []) as Properties[];
    const { name, imageScanningConfiguration, imageTagMutability } = inputs;
    const asked = request<CreateRepositoryCommandInput>({
      repositoryName: name,
      encryptionConfiguration,
      imageScanningConfiguration,
      imageTagMutability,
      tags: tagList(inputs),
    });
    await clients.ecr.createRepository(asked);
    return text(inputs, 'name');
  },
  async read(clients, id) {
    const answer = await unlessGone(clients.ecr.describeRepositories({ repositoryNames: [id] }), /^RepositoryNotFound/);
    const found = answer?.repositories?.[0];
    if (found === undefined) return undefined;
    const { tags } = await clients.ecr.listTagsForResource({ resourceArn: found.repositoryArn });
    const { encryptionType, kmsKey } = found.encryptionConfiguration ?? {};
    return defined({
      arn: found.repositoryArn,
      name: found.repositoryName,
      registryId: found.registryId,
      repositoryUrl: found.repositoryUri,
      imageTagMutability: found.imageTagMutability,
      imageScanningConfiguration: { scanOnPush: found.imageScanningConfiguration?.scanOnPush === true },
      encryptionConfigurations: [defined({ encryptionType, kmsKey })],
      tags: tagMap(tags),
    });
  },
  async update(clients, id, inputs) {
    const { scanOnPush } = (inputs['imageScanningConfiguration'] ?? {}) as Properties;
    await clients.ecr.putImageTagMutability({
      repositoryName: id,
      imageTagMutability: inputs['imageTagMutability'] === 'IMMUTABLE' ? 'IMMUTABLE' : 'MUTABLE',
    });
    await clients.ecr.putImageScanningConfiguration({
      repositoryName: id,
      imageScanningConfiguration: { scanOnPush: scanOnPush === true },
    });
  },
  delete: (clients, id, outputs) =>
    clients.ecr.deleteRepository({ repositoryName: id, force: outputs['forceDelete'] === true }),
};

const LIFECYCLE_POLICY: ResourceKind = {
  replaces: ['repository'],
  async create(clients, inputs) {
    const repositoryName = text(inputs, 'repository');
    await clients.ecr.putLifecyclePolicy({ repositoryName, lifecyclePolicyText: text(inputs, 'policy') });
    return repositoryName;
  },
  async read(clients, id) {
    const found = await unlessGone(
      clients.ecr.getLifecyclePolicy({ repositoryName: id }),
      /^(LifecyclePolicy|Repository)NotFound/,
    );
    if (found === undefined) return undefined;
    const { lifecyclePolicyText: policy, registryId, repositoryName: repository } = found;
    return defined({ policy, registryId, repository });
  },
  update: (clients, _id, inputs, _old, context) => LIFECYCLE_POLICY.create(clients, inputs, context),
  delete: (clients, id) => clients.ecr.deleteLifecyclePolicy({ repositoryName: id }),
};

export const ecr: Kinds = {
  'aws:ecr/repository:Repository': REPOSITORY,
  'aws:ecr/lifecyclePolicy:LifecyclePolicy': LIFECYCLE_POLICY,
};
