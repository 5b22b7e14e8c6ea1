import { PlatformError } from '../../system/errors';

/** A run that was told to end did so at a safe point. */
export function interrupted(): PlatformError {
  return new PlatformError(
    'interrupted',
    'Interrupted: the step under way was finished and nothing further begun.',
    'Run the command again; it goes on from here.',
    { kind: 'interrupted' },
  );
}
