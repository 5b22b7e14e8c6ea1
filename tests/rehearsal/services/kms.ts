import type { Kinds } from '../kind';
import { tagChanges, tagList, text, unlessGone } from '../shapes';

/** KMS names tags' halves in its own way. */
const kmsTags = (tags: readonly { Key: string; Value: string }[]) =>
  tags.map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value }));

export const kms: Kinds = {
  'aws:kms/key:Key': {
    tagged: true,
    replaces: ['customerMasterKeySpec', 'keyUsage', 'multiRegion'],
    unread: ['deletionWindowInDays', 'bypassPolicyLockoutSafetyCheck'],
    async create({ kms }, inputs) {
      const { KeyMetadata } = await kms.createKey({
        Description: text({ description: '', ...inputs }, 'description'),
        Policy: text(inputs, 'policy'),
        Tags: kmsTags(tagList(inputs)),
      });
      const KeyId = KeyMetadata?.KeyId ?? '';
      if (inputs['enableKeyRotation'] === true) await kms.enableKeyRotation({ KeyId });
      return KeyId;
    },
    async read({ kms }, KeyId) {
      const found = await unlessGone(kms.describeKey({ KeyId }), 'NotFoundException');
      const key = found?.KeyMetadata;
      if (key === undefined || key.KeyState === 'PendingDeletion') return undefined;
      const { Policy } = await kms.getKeyPolicy({ KeyId, PolicyName: 'default' });
      const { KeyRotationEnabled } = await kms.getKeyRotationStatus({ KeyId });
      const { Tags = [] } = await kms.listResourceTags({ KeyId });
      return {
        arn: key.Arn ?? '',
        keyId: KeyId,
        description: key.Description ?? '',
        isEnabled: key.Enabled === true,
        keyUsage: key.KeyUsage ?? '',
        enableKeyRotation: KeyRotationEnabled === true,
        policy: Policy ?? '',
        tags: Object.fromEntries(Tags.map(({ TagKey, TagValue }) => [TagKey ?? '', TagValue ?? ''])),
      };
    },
    async update({ kms }, KeyId, inputs, old) {
      await kms.putKeyPolicy({ KeyId, PolicyName: 'default', Policy: text(inputs, 'policy') });
      await kms.updateKeyDescription({ KeyId, Description: text({ description: '', ...inputs }, 'description') });
      await (inputs['enableKeyRotation'] === true
        ? kms.enableKeyRotation({ KeyId })
        : kms.disableKeyRotation({ KeyId }));
      const { set, remove } = tagChanges(inputs, old);
      if (remove.length > 0) await kms.untagResource({ KeyId, TagKeys: remove });
      await kms.tagResource({ KeyId, Tags: kmsTags(set) });
    },
    delete: ({ kms }, KeyId, outputs) =>
      kms.scheduleKeyDeletion({ KeyId, PendingWindowInDays: Number(outputs['deletionWindowInDays'] ?? 30) }),
  },

  'aws:kms/alias:Alias': {
    autoname: 'name',
    replaces: ['name'],
    async create({ kms }, inputs) {
      await kms.createAlias({ AliasName: text(inputs, 'name'), TargetKeyId: text(inputs, 'targetKeyId') });
      return text(inputs, 'name');
    },
    async read({ kms }, id) {
      for (let Marker: string | undefined; ;) {
        const { Aliases = [], NextMarker } = await kms.listAliases(Marker === undefined ? {} : { Marker });
        const alias = Aliases.find(({ AliasName }) => AliasName === id);
        if (alias !== undefined) return { name: id, arn: alias.AliasArn ?? '', targetKeyId: alias.TargetKeyId ?? '' };
        if (NextMarker === undefined) return undefined;
        Marker = NextMarker;
      }
    },
    update: ({ kms }, AliasName, inputs) => kms.updateAlias({ AliasName, TargetKeyId: text(inputs, 'targetKeyId') }),
    delete: ({ kms }, AliasName) => unlessGone(kms.deleteAlias({ AliasName }), 'NotFoundException'),
  },
};
