import type { Kinds } from '../kind';
import { kms } from './kms';
import { s3 } from './s3';

/** Every type of the aws provider that the stand-in knows. */
export const AWS_KINDS: Kinds = { ...kms, ...s3 };
