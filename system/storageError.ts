import { statSync } from 'node:fs';
import { dirname } from 'node:path';

import { codeOf, PlatformError, systemReason } from './errors';

/** What a refusal of the file system means for whoever ran the command; every other error comes back as it is. */
export function storageError(path: string, error: unknown): unknown {
  const options = { object: path, cause: error };
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new PlatformError(
        'disk-full',
        `The disk is full: ${path} could not be written. What it held before is still there, whole.`,
        `Free space on that disk (\`df ${dirname(path)}\`) and run the command again; it goes on from there.`,
        options,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new PlatformError(
        'state-not-writable',
        `${path} could not be written: ${systemReason(error)}.`,
        `Run the command as a user who may write there${ownerOf(path)}, or hand it over (\`chown -R\`).`,
        { ...options, kind: 'refused' },
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return new PlatformError(
        'folder-missing',
        `${path} could not be written: there is no folder ${dirname(path)}.`,
        `Make it (\`mkdir -p ${dirname(path)}\`), or name another file.`,
        options,
      );
    default:
      return error;
  }
}

/** The nearest folder that exists tells whose it is. */
function ownerOf(path: string): string {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const found = statSync(folder, { throwIfNoEntry: false });
    if (found !== undefined) return ` (${folder} belongs to user id ${found.uid})`;
    if (dirname(folder) === folder) return '';
  }
}
