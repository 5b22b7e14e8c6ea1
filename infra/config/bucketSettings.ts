import { type About, optional, section } from '../../postgres/spec/schema';
import { oneOf, wholeNumber } from '../../postgres/spec/values';
import type { Report } from './report';
import type { Settings } from './settings';

const IN_PROD: About = { only: ['prod'], elsewhere: 'Only prod declares a bucket of its own.' };

const days = wholeNumber(1, 3650, 'days');

/** `coach:backup.bucket`, the bucket that prod declares. Its name, prefix, region and key are those of `coach:backup.s3`. */
export const bucket = section(
  {
    lockDays: optional(days, '`backup.retentionDays`', 'how long no version can be deleted', IN_PROD),
    lockMode: optional(
      oneOf('GOVERNANCE', 'COMPLIANCE'),
      '`GOVERNANCE`',
      '`GOVERNANCE`: but by holders of s3:BypassGovernanceRetention; `COMPLIANCE`: by nobody',
      IN_PROD,
    ),
  },
  { change: 'for what is written from then on' },
);

/** S3's limit, less what the name of the log bucket has more. */
const LONGEST_NAME = 63 - '-logs'.length;
const KEY_ARN = /^arn:aws[\w-]*:kms:[\w-]+:\d{12}:key\/[\w-]+$/;

/** Beside the letters: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const NAME_RULES: readonly { is: RegExp; because: string }[] = [
  { is: /\./, because: 'has a dot: no certificate of S3 names such a host' },
  { is: /^(xn--|sthree-|amzn-s3-demo-)/, because: 'begins with what S3 keeps to itself' },
  { is: /(-s3alias|--ol-s3|--x-s3|--table-s3|-an)$/, because: 'ends with what S3 keeps to itself' },
];
/** Days for which an object of a storage class is billed at least. */
const MINIMUM_DAYS: Readonly<Record<string, number>> = { STANDARD_IA: 30, ONEZONE_IA: 30, GLACIER_IR: 90 };

export function checkBucket(
  { environment, backup: { bucket, retentionDays, s3 } }: Settings,
  complain: (...problem: Parameters<Report['add']>) => void,
): void {
  const { lockDays = 0 } = bucket;
  if (lockDays > retentionDays)
    complain(
      'setting-conflict',
      'backup.bucket.lockDays',
      `coach:backup.bucket.lockDays is ${lockDays}, more than coach:backup.retentionDays (${retentionDays}): daily backups would be locked for longer than they are kept.`,
      'Lower coach:backup.bucket.lockDays or raise coach:backup.retentionDays.',
    );
  if (environment !== 'prod' || s3 === undefined || s3.endpoint !== undefined) return;
  if (s3.bucket.length > LONGEST_NAME)
    complain(
      'setting-conflict',
      'backup.s3.bucket',
      `coach:backup.s3.bucket has ${s3.bucket.length} characters; prod declares it, and a second bucket of that name with -logs, which may have 63.`,
      `Choose a name of at most ${LONGEST_NAME} characters.`,
    );
  const wrong = NAME_RULES.find(({ is }) => is.test(s3.bucket));
  if (wrong !== undefined)
    complain(
      'setting-conflict',
      'backup.s3.bucket',
      `coach:backup.s3.bucket is ${s3.bucket}, which ${wrong.because}.`,
      'Choose a name of lower-case letters, digits and single -.',
    );
  const days = MINIMUM_DAYS[s3.storageClass ?? 'STANDARD'] ?? 0;
  if (retentionDays < days)
    complain(
      'setting-conflict',
      'backup.s3.storageClass',
      `coach:backup.s3.storageClass is ${s3.storageClass ?? ''}, which is billed for ${days} days at least; coach:backup.retentionDays is ${retentionDays}.`,
      'Leave it out: the bucket moves by itself what stays for long. Or raise coach:backup.retentionDays.',
    );
  if (s3.kmsKeyId !== undefined && !KEY_ARN.test(s3.kmsKeyId))
    complain(
      'setting-conflict',
      'backup.s3.kmsKeyId',
      `coach:backup.s3.kmsKeyId is ${s3.kmsKeyId}; the policy of the bucket that prod declares compares the key's full ARN.`,
      'Write it as arn:aws:kms:REGION:ACCOUNT:key/ID, or leave it out: the bucket then has a key of its own.',
    );
}
