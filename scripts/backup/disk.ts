import { statfsSync } from 'node:fs';

import type { Disk } from '../../postgres/backup/freeSpace';

/** Of the file system that a folder lies on, as an ordinary user may fill it. */
export function diskOf(directory: string): Disk {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
