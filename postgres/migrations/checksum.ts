import { createHash } from 'node:crypto';

/** SHA-256 in hex, as Prisma records it. */
export function checksumOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/**
 * Whether a recorded checksum belongs to this script. Like Prisma it forgives line endings, which git changes between systems, and the
 * form its early versions wrote: each byte in hex without the leading zero.
 */
export function matchesChecksum(sql: string, recorded: string): boolean {
  const unix = (): string => sql.replaceAll('\r\n', '\n');
  const windows = (text: string): string => text.replaceAll('\n', '\r\n');
  return [() => sql, unix, () => windows(sql), () => windows(unix())].some((text) => {
    const checksum = checksumOf(text());
    return recorded === checksum || recorded === withoutLeadingZeros(checksum);
  });
}

function withoutLeadingZeros(checksum: string): string {
  return checksum.replace(/../g, (byte) => (byte.startsWith('0') ? byte.charAt(1) : byte));
}
