import { type About, optional, section } from '../../postgres/spec/schema';
import { oneOf, wholeNumber } from '../../postgres/spec/values';
import type { Report } from './report';
import type { Settings } from './settings';

const IN_PROD: About = { only: ['prod'], elsewhere: 'Only prod declares a bucket of its own.' };

const days = wholeNumber(1, 3650, 'days');

/** `coach:backup.bucket`, the bucket that prod declares. */
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

/** What is locked for longer than it is kept would be billed and of no use: pruning hides it, and nothing removes it. */
export function checkBucket({ backup }: Settings, complain: (...problem: Parameters<Report['add']>) => void): void {
  const { lockDays = 0 } = backup.bucket;
  if (lockDays <= backup.retentionDays) return;
  complain(
    'setting-conflict',
    'backup.bucket.lockDays',
    `coach:backup.bucket.lockDays is ${lockDays}, more than coach:backup.retentionDays (${backup.retentionDays}): daily backups would be locked for longer than they are kept.`,
    'Lower coach:backup.bucket.lockDays or raise coach:backup.retentionDays.',
  );
}
