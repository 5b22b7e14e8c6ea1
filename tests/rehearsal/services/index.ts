import type { Kinds } from '../kind';
import { cloudwatch } from './cloudwatch';
import { ec2 } from './ec2';
import { ecr } from './ecr';
import { ecs } from './ecs';
import { iam } from './iam';
import { kms } from './kms';
import { lambda } from './lambda';
import { logs } from './logs';
import { random } from './random';
import { rds } from './rds';
import { s3 } from './s3';
import { scheduler } from './scheduler';
import { sns } from './sns';

/** Every type of the aws provider that the stand-in knows. */
export const AWS_KINDS: Kinds = {
  ...cloudwatch,
  ...ec2,
  ...ecr,
  ...ecs,
  ...iam,
  ...kms,
  ...lambda,
  ...logs,
  ...rds,
  ...s3,
  ...scheduler,
  ...sns,
};

/** The same of the random provider, beyond what the engine has. */
export const RANDOM_KINDS: Kinds = random;
