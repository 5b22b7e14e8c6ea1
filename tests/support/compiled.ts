import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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
 * Folders (without those below them) and files of the project, with all that they import and the SQL and data beside it, as JavaScript in a folder
 * of their own, for processes that are to be killed: as TypeScript each would take a second to start. Returns that folder, which the caller removes.
 */
export function compileInto(prefix: string, places: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const open = places.flatMap((place) => (place.endsWith('.ts') ? [place] : filesIn(place, /\.ts$/)));
  const done = new Set<string>();
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (done.has(name)) continue;
    done.add(name);
    const text = compiled(name);
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name.replace(/\.ts$/, '.js')), text);
    for (const data of filesIn(dirname(name), /\.(sql|json)$/)) copyFileSync(join(ROOT, data), join(folder, data));
    for (const [, path = ''] of text.matchAll(/require\("(\.[^"]*)"\)/g)) {
      const imported = `${join(dirname(name), path)}.ts`;
      if (existsSync(join(ROOT, imported))) open.push(imported);
    }
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function filesIn(place: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, place))
    .filter((name) => ending.test(name))
    .map((name) => join(place, name));
}
