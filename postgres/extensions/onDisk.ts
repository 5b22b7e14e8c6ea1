import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import { ask } from '../server/ask';

/**
 * Names and versions that an installation could install, as pg_available_extension_versions of its server would list them: from the control files
 * and scripts below its share folder (PostgreSQL manual, "Packaging Related Objects into an Extension"). `programs`: the folder of initdb and
 * postgres. Undefined: the share folder was not found.
 */
export function extensionsOnDisk(programs: string): Map<string, string[]> | undefined {
  const share = shareFolder(programs);
  if (share === undefined) return undefined;
  const folder = join(share, 'extension');
  const found = new Map<string, string[]>();
  for (const file of readdirSync(folder)) {
    const name = /^(.*)\.control$/.exec(file)?.[1];
    // NAME--VERSION.control belongs to one version.
    if (name === undefined || name.includes('--')) continue;
    found.set(name, versionsIn(scriptFolder(share, folder, file), name));
  }
  return found;
}

function shareFolder(programs: string): string | undefined {
  const said = existsSync(join(programs, 'pg_config')) ? ask(join(programs, 'pg_config'), ['--sharedir']) : undefined;
  const beside = ['share/postgresql', 'share'].map((folder) => join(programs, '..', folder));
  return [...(said === undefined ? [] : [said.trim()]), ...beside].find((share) =>
    existsSync(join(share, 'extension')),
  );
}

/** `directory` of the control file, relative to the share folder; else beside it. */
function scriptFolder(share: string, folder: string, control: string): string {
  const text = readFileSync(join(folder, control), 'utf8');
  const directory = /^\s*directory\s*=?\s*'?([^'\n]+?)'?\s*(?:#.*)?$/m.exec(text)?.[1];
  if (directory === undefined) return folder;
  return isAbsolute(directory) ? directory : join(share, directory);
}

/** Those with a script of their own, and those that updates lead to from there. */
function versionsIn(folder: string, name: string): string[] {
  if (!existsSync(folder)) return [];
  const versions = new Set<string>();
  const updates: [string, string][] = [];
  for (const file of readdirSync(folder)) {
    if (!file.startsWith(`${name}--`) || !file.endsWith('.sql')) continue;
    const [from = '', to, more] = file.slice(name.length + 2, -'.sql'.length).split('--');
    if (to === undefined) versions.add(from);
    else if (more === undefined) updates.push([from, to]);
  }
  for (const version of versions) for (const [from, to] of updates) if (from === version) versions.add(to);
  return [...versions].sort();
}
