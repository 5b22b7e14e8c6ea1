import { availableParallelism } from 'node:os';

/** Tables dumped, restored and compared at once; more than four wait for the disk. */
export const JOBS = Math.min(4, availableParallelism());
