import type { Kinds } from '../kind';
import { fromApi, tagChanges, tagList, tagMap, text, unlessGone } from '../shapes';

const GONE = 'NoSuchEntityException';

/** IAM answers documents URL-encoded. */
const decoded = (document: string | undefined): string => decodeURIComponent(document ?? '');

export const iam: Kinds = {
  'aws:iam/role:Role': {
    autoname: 'name',
    tagged: true,
    replaces: ['name', 'path'],
    unread: ['forceDetachPolicies'],
    async create({ iam }, inputs) {
      const { description, maxSessionDuration } = inputs;
      await iam.createRole({
        RoleName: text(inputs, 'name'),
        AssumeRolePolicyDocument: text(inputs, 'assumeRolePolicy'),
        ...(description === undefined ? {} : { Description: text(inputs, 'description') }),
        ...(maxSessionDuration === undefined ? {} : { MaxSessionDuration: Number(maxSessionDuration) }),
        Tags: tagList(inputs),
      });
      return text(inputs, 'name');
    },
    async read({ iam }, RoleName) {
      const role = (await unlessGone(iam.getRole({ RoleName }), GONE))?.Role;
      if (role === undefined) return undefined;
      const { RoleId, Tags, AssumeRolePolicyDocument, RoleName: name = '', ...others } = role;
      return {
        ...fromApi(others),
        name,
        uniqueId: RoleId ?? '',
        assumeRolePolicy: decoded(AssumeRolePolicyDocument),
        tags: tagMap(Tags),
      };
    },
    async update({ iam }, RoleName, inputs, old) {
      await iam.updateAssumeRolePolicy({ RoleName, PolicyDocument: text(inputs, 'assumeRolePolicy') });
      await iam.updateRole({ RoleName, Description: text({ description: '', ...inputs }, 'description') });
      const { set, remove } = tagChanges(inputs, old);
      if (remove.length > 0) await iam.untagRole({ RoleName, TagKeys: remove });
      await iam.tagRole({ RoleName, Tags: set });
    },
    delete: ({ iam }, RoleName) => unlessGone(iam.deleteRole({ RoleName }), GONE),
  },

  'aws:iam/rolePolicy:RolePolicy': {
    autoname: 'name',
    replaces: ['name', 'role'],
    async create({ iam }, inputs) {
      const [RoleName, PolicyName] = [text(inputs, 'role'), text(inputs, 'name')];
      await iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: text(inputs, 'policy') });
      return `${RoleName}:${PolicyName}`;
    },
    async read({ iam }, id) {
      const [RoleName = '', PolicyName = ''] = id.split(':');
      const found = await unlessGone(iam.getRolePolicy({ RoleName, PolicyName }), GONE);
      return found && { role: RoleName, name: PolicyName, policy: decoded(found.PolicyDocument) };
    },
    update({ iam }, id, inputs) {
      const [RoleName, PolicyName] = id.split(':');
      return iam.putRolePolicy({ RoleName, PolicyName, PolicyDocument: text(inputs, 'policy') });
    },
    delete({ iam }, id) {
      const [RoleName, PolicyName] = id.split(':');
      return unlessGone(iam.deleteRolePolicy({ RoleName, PolicyName }), GONE);
    },
  },

  'aws:iam/rolePolicyAttachment:RolePolicyAttachment': {
    replaces: [],
    async create({ iam }, inputs) {
      const [RoleName, PolicyArn] = [text(inputs, 'role'), text(inputs, 'policyArn')];
      await iam.attachRolePolicy({ RoleName, PolicyArn });
      return `${RoleName}/${PolicyArn}`;
    },
    async read({ iam }, _id, known) {
      const [role, policyArn] = [text(known, 'role'), text(known, 'policyArn')];
      const found = await unlessGone(iam.listAttachedRolePolicies({ RoleName: role }), GONE);
      const attached = found?.AttachedPolicies?.some(({ PolicyArn }) => PolicyArn === policyArn);
      return attached === true ? { role, policyArn } : undefined;
    },
    delete: ({ iam }, _id, outputs) =>
      unlessGone(
        iam.detachRolePolicy({ RoleName: text(outputs, 'role'), PolicyArn: text(outputs, 'policyArn') }),
        GONE,
      ),
  },
};
