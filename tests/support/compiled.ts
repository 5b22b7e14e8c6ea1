import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

export const ROOT = join(__dirname, '../..');

/** One source as the JavaScript that Node runs. */
export function compiled(path: string): string {
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true };
  return transpileModule(readFileSync(join(ROOT, path), 'utf8'), { compilerOptions }).outputText;
}

/**
 * Folders (without those below them) and files of the project as JavaScript, SQL and data beside it, in a folder of their own, for processes that are to be killed: as
 * TypeScript each would take a second to start. Returns that folder, which the caller removes.
 */
export function compileInto(prefix: string, places: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  for (const place of places) {
    const names = place.endsWith('.ts') ? [place] : readdirSync(join(ROOT, place)).map((name) => join(place, name));
    for (const name of names.filter((one) => /\.(ts|sql|json)$/.test(one))) {
      const target = join(folder, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      if (!name.endsWith('.ts')) copyFileSync(join(ROOT, name), target);
      else writeFileSync(target, compiled(name));
    }
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
