import type { CheckpointFile } from './checkpointFile';

/**
 * The same state with nothing protected, for a destroy that was confirmed by name: Pulumi refuses to delete what is. The next
 * `up` protects again what the program protects.
 */
export function withoutProtection(file: CheckpointFile): CheckpointFile {
  const latest = file.checkpoint.latest;
  if (latest?.resources === undefined) return file;
  const resources = latest.resources.map((resource) =>
    Object.fromEntries(Object.entries(resource).filter(([field]) => field !== 'protect')),
  );
  return { ...file, checkpoint: { ...file.checkpoint, latest: { ...latest, resources } } };
}
