import type { Rule } from './rule';
import { cloudwatchRules } from './rules/cloudwatch';
import { ec2Rules } from './rules/ec2';
import { ecrRules } from './rules/ecr';
import { ecsRules } from './rules/ecs';
import { iamRules } from './rules/iam';
import { kmsRules } from './rules/kms';
import { lambdaRules } from './rules/lambda';
import { pulumiRules } from './rules/pulumi';
import { rdsRules } from './rules/rds';
import { rdsLimitRules } from './rules/rdsLimits';
import { rdsParameterRules } from './rules/rdsParameters';
import { s3Rules } from './rules/s3';
import { schedulerRules } from './rules/scheduler';
import { secretsManagerRules } from './rules/secretsManager';
import { snsRules } from './rules/sns';

/** Every rule over what a stack declares; `plan.ts` has those over what a run would do. */
export const RULES: readonly Rule[] = [
  ...rdsRules,
  ...rdsParameterRules,
  ...rdsLimitRules,
  ...secretsManagerRules,
  ...s3Rules,
  ...kmsRules,
  ...iamRules,
  ...ec2Rules,
  ...lambdaRules,
  ...ecsRules,
  ...ecrRules,
  ...schedulerRules,
  ...snsRules,
  ...cloudwatchRules,
  ...pulumiRules,
];
