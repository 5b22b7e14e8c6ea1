import { PolicyPack } from '@pulumi/policy';

import { RULES } from '../index';
import { policyOf } from './adapter';

/** Started by Pulumi's engine: `pulumi preview --policy-pack policies/pack`. */
new PolicyPack('coach-policies', { policies: RULES.map(policyOf), enforcementLevel: 'mandatory' });
