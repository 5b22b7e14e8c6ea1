import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { flushFolder, writeAtomically } from '../../../system/atomicFile';
import { codeOf, PlatformError } from '../../../system/errors';
import { isRunning } from '../../../system/processes';
import { storageError } from '../../../system/storageError';
import { PREPARE_COMMAND } from './evidence';
import { baselineFiles, type PreparationPlan } from './plan';
import { stagePath, stagePaths } from './stagePath';

/*
 * Everything new is written into a folder beside the migrations folder first (`.migrations.PID.new`), `stage.json` last. Then three steps, each
 * of them one rename: the old folder to the archive, the new one into its place, the schema. The first of them decides: of two runs one
 * finds nothing to rename. A run that is killed after it is finished by the next one from the same folder.
 */

const DESCRIPTION = 'stage.json';
const NEW_MIGRATIONS = 'migrations';
const NEW_SCHEMA = 'schema.prisma';

/** What is to be done, without the texts: they lie in the stage's folder. */
interface Stage {
  startedAt: string;
  migrations?: string;
  archive?: string;
  schema?: { path: string; before: string };
}

/** The folder of a run, of this one or of one that was killed. */
export interface StageFolder {
  path: string;
  /** Undefined where the run was killed before all was written. */
  stage: Stage | undefined;
  isRunning: boolean;
}

/** Carries a plan out: old, or new, or (killed in between) what `finishStage` makes new. */
export function applyPreparation(plan: PreparationPlan, migrations: string): void {
  const path = stagePath(migrations);
  const stage: Stage = {
    startedAt: new Date().toISOString(),
    ...(plan.baseline === undefined ? {} : { migrations }),
    ...(plan.archive === undefined ? {} : { archive: plan.archive.to }),
    ...(plan.schema === undefined ? {} : { schema: { path: plan.schema.path, before: plan.schema.before } }),
  };
  try {
    writeStage(path, stage, plan);
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw storageError(path, error);
  }
  try {
    moveFolders(path, stage);
  } catch (error) {
    if (!hasBegun(path, stage)) removeStage(path);
    throw storageError(path, error);
  }
  // From here on the stage is kept whatever happens: the next run finishes it.
  changeSchema(path, stage);
  removeStage(path);
}

/** Stages beside a migrations folder, oldest first. */
export function stageFolders(migrations: string): StageFolder[] {
  const found = stagePaths(migrations).map(({ path, pid }) => {
    const stage = readStage(path);
    const since = stage === undefined ? statSync(path).mtime : new Date(stage.startedAt);
    return { path, stage, isRunning: isRunning(pid, since) };
  });
  return found.sort((a, b) => (a.stage?.startedAt ?? '').localeCompare(b.stage?.startedAt ?? ''));
}

/**
 * What a killed run left: finished, where it had begun to move folders, else removed. Says which.
 */
export function settleStage({ path, stage }: StageFolder): 'finished' | 'removed' {
  const isBegun = stage !== undefined && hasBegun(path, stage);
  if (isBegun) {
    if (existsSync(join(path, NEW_MIGRATIONS))) moveNew(path, stage);
    changeSchema(path, stage);
  }
  removeStage(path);
  return isBegun ? 'finished' : 'removed';
}

function hasBegun(path: string, { migrations, archive }: Stage): boolean {
  if (migrations === undefined || !existsSync(join(path, NEW_MIGRATIONS))) return true;
  return archive !== undefined && existsSync(archive) && !existsSync(migrations);
}

function writeStage(path: string, stage: Stage, plan: PreparationPlan): void {
  makeFolder(path);
  const files = plan.baseline === undefined ? {} : baselineFiles(plan.baseline);
  for (const [name, text] of Object.entries(files)) {
    const target = join(path, NEW_MIGRATIONS, name);
    makeFolder(dirname(target));
    writeAtomically(target, text, { mode: 0o666 });
  }
  if (plan.schema !== undefined) writeAtomically(join(path, NEW_SCHEMA), plan.schema.after);
  writeAtomically(join(path, DESCRIPTION), JSON.stringify(stage));
}

/** With the owner of what it lies in: root at work in somebody's checkout must not lock its owner out. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path);
  flushFolder(dirname(path));
  const { uid, gid } = statSync(dirname(path));
  if (process.getuid?.() === 0 && uid !== 0) chownSync(path, uid, gid);
}

function moveFolders(path: string, stage: Stage): void {
  const { migrations, archive } = stage;
  if (migrations === undefined) return;
  if (archive !== undefined) rename(migrations, archive);
  try {
    moveNew(path, stage);
  } catch (error) {
    if (archive !== undefined) renameSync(archive, migrations);
    throw error;
  }
}

function moveNew(path: string, { migrations }: Stage): void {
  if (migrations !== undefined) rename(join(path, NEW_MIGRATIONS), migrations);
}

/** Nothing is ever replaced but an empty folder. */
function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
    flushFolder(dirname(to));
  } catch (cause) {
    if (
      !['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EPERM'].includes(codeOf(cause) ?? '') ||
      (existsSync(from) && !existsSync(to))
    )
      throw cause;
    throw new PlatformError(
      'prepare-changed',
      `${from} could not become ${to}: ${existsSync(to) ? 'that exists by now' : 'it is gone'}. Another run, or somebody, was quicker.`,
      `Run ${PREPARE_COMMAND} again: it begins with what is there then.`,
      { kind: 'locked', object: from, cause },
    );
  }
}

function changeSchema(path: string, { schema }: Stage): void {
  const written = join(path, NEW_SCHEMA);
  if (schema === undefined || !existsSync(written)) return;
  const after = readFileSync(written, 'utf8');
  const current = readFileSync(schema.path, 'utf8');
  if (current !== schema.before && current !== after) {
    throw new PlatformError(
      'prepare-changed',
      `${schema.path} has been changed since the run that ${path} is left of; its new text lies there.`,
      `Set \`provider = "postgresql"\` in ${schema.path} yourself, remove ${path}, and run again.`,
      { kind: 'refused', object: schema.path },
    );
  }
  if (current !== after) writeAtomically(schema.path, after, { mode: statSync(schema.path).mode & 0o777 });
}

function removeStage(path: string): void {
  // Without its description the rest is nothing but a leftover.
  rmSync(join(path, DESCRIPTION), { force: true });
  rmSync(path, { recursive: true, force: true });
}

function readStage(path: string): Stage | undefined {
  try {
    return JSON.parse(readFileSync(join(path, DESCRIPTION), 'utf8')) as Stage;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
