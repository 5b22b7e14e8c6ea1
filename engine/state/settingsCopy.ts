import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { isScalar, parseDocument, visit } from 'yaml';

import { writeAtomically } from '../../system/atomicFile';
import { codeOf, PlatformError } from '../../system/errors';

const SALT_KEY = 'encryptionsalt';

/**
 * Pulumi stores a stack's encryption salt in its settings file. So that the committed one stays as it is, Pulumi is given a copy
 * below `.coachdb` (`--config-file`), and the salt stands there. Returns the copy's path; it is rewritten only when something
 * changed. Without `salt` the copy keeps the one Pulumi put into it.
 */
export function stackConfigCopy(projectRoot: string, stack: string, salt: string | undefined): string {
  const original = join(projectRoot, `Pulumi.${stack}.yaml`);
  const copy = join(projectRoot, '.coachdb', `Pulumi.${stack}.yaml`);
  const before = readText(copy);
  const committed = readText(original);
  if (committed === undefined) {
    throw new PlatformError(
      'stack-unknown',
      `There is no stack ${stack}: ${original} does not exist.`,
      'Give another one with --stack, or write that file.',
      { kind: 'usage', object: stack },
    );
  }
  const settings = parseDocument(committed);
  // Values encrypted in the committed file open with the salt beside them only.
  if (!settings.has(SALT_KEY) || !hasSecureValue(committed)) {
    const known = salt ?? saltOf(before);
    if (known === undefined) settings.delete(SALT_KEY);
    else settings.set(SALT_KEY, known);
  }
  const text = settings.toString({ lineWidth: 0 });
  if (text !== before) {
    mkdirSync(join(projectRoot, '.coachdb'), { recursive: true, mode: 0o711 });
    writeAtomically(copy, text);
  }
  return copy;
}

/**
 * Takes the salt line out of the committed settings again, which plain `pulumi up` (without `--config-file`) has put there. The
 * state keeps the salt, so nothing is lost. A file with encrypted values keeps it. True when the file was changed.
 */
export function removeSaltFromSettings(projectRoot: string, stack: string): boolean {
  const path = join(projectRoot, `Pulumi.${stack}.yaml`);
  const text = readText(path);
  if (text === undefined || saltOf(text) === undefined || hasSecureValue(text)) return false;
  // By line, so that every other byte of the user's file stays.
  const without = text.replace(/^encryptionsalt:[^\n]*(\n|$)/m, '');
  if (saltOf(without) !== undefined) return false;
  writeAtomically(path, without, { mode: statSync(path).mode & 0o777 });
  return true;
}

function saltOf(text: string | undefined): string | undefined {
  const salt: unknown = text === undefined ? undefined : parseDocument(text).get(SALT_KEY);
  return typeof salt === 'string' && salt !== '' ? salt : undefined;
}

/** `secure:` below a setting is how Pulumi writes an encrypted value. */
function hasSecureValue(text: string): boolean {
  let found = false;
  visit(parseDocument(text), {
    Pair: (_, pair) => {
      if (!isScalar(pair.key) || pair.key.value !== 'secure') return undefined;
      found = true;
      return visit.BREAK;
    },
  });
  return found;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
