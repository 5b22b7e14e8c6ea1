import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { createAtomically } from '../../system/atomicFile';
import { codeOf, PlatformError } from '../../system/errors';

const PASSPHRASE_BYTES = 24;

/** A random passphrase in a new file of mode 0600. An existing file is never touched: without it the state's secrets are lost. */
export function createPassphraseFile(path: string): boolean {
  mkdirSync(dirname(path), { recursive: true });
  return createAtomically(path, `${randomBytes(PASSPHRASE_BYTES).toString('base64url')}\n`);
}

export interface Passphrase {
  passphrase: string;
  /** The variable or file it came from, for messages. */
  source: string;
  /** What a Pulumi process has to be given so that it takes the same one. */
  environment: Record<string, string>;
}

/**
 * In the order Pulumi takes it: PULUMI_CONFIG_PASSPHRASE even when it is empty, then the file of
 * PULUMI_CONFIG_PASSPHRASE_FILE, then the generated file. White space around a file's text does not count.
 */
export function readPassphrase(environment: NodeJS.ProcessEnv, generatedFile: string): Passphrase {
  const given = environment['PULUMI_CONFIG_PASSPHRASE'];
  if (given !== undefined) return { passphrase: given, source: 'PULUMI_CONFIG_PASSPHRASE', environment: {} };
  const named = environment['PULUMI_CONFIG_PASSPHRASE_FILE'];
  const isNamed = named !== undefined && named !== '';
  const path = isNamed ? named : generatedFile;
  const passphrase = readFile(path, isNamed);
  if (passphrase === '' && !isNamed) {
    throw new PlatformError(
      'passphrase-empty',
      `The generated passphrase file ${path} is empty, and the state's secrets cannot be read without what stood in it.`,
      'Bring the file back from a copy. For a project without a state delete it and run `npm run prepare`.',
      { kind: 'usage', object: path },
    );
  }
  return { passphrase, source: path, environment: isNamed ? {} : { PULUMI_CONFIG_PASSPHRASE_FILE: path } };
}

function readFile(path: string, isNamed: boolean): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const why = codeOf(error) === 'ENOENT' ? 'does not exist' : (error as Error).message;
    throw new PlatformError(
      'passphrase-missing',
      `The passphrase file ${path}${isNamed ? ' of PULUMI_CONFIG_PASSPHRASE_FILE' : ''} cannot be read: ${why}. ` +
        "The state's secrets cannot be read without it.",
      'For an existing state bring back the file it was made with; for a new project run `npm run prepare`.',
      { kind: 'usage', object: path, cause: error },
    );
  }
}
