import type { Kinds } from '../kind';
import { ecr } from './ecr';
import { ecs } from './ecs';
import { kms } from './kms';
import { lambda } from './lambda';
import { random } from './random';
import { rds } from './rds';
import { s3 } from './s3';
import { scheduler } from './scheduler';

/** Every type of the aws provider that the stand-in knows. */
export const AWS_KINDS: Kinds = { ...ecr, ...ecs, ...kms, ...lambda, ...rds, ...s3, ...scheduler };

/** The same of the random provider, beyond what the engine has. */
export const RANDOM_KINDS: Kinds = random;
