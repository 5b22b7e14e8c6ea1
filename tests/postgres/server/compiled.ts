import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';

import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

export const ROOT = join(__dirname, '../../..');

/** The library as JavaScript, for processes of their own that are to be killed; as TypeScript each would take a second to start. */
export function compileLibrary(): { folder: string; remove: () => void } {
  const out = mkdtempSync(join(tmpdir(), 'coach-compiled-'));
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true };
  const library = ['', 'connection', 'server', 'tuning', 'tuning/table', 'roles'].map((name) =>
    join(ROOT, 'postgres', name),
  );
  for (const folder of library) {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
      const path = join(out, relative(ROOT, join(folder, name.replace(/ts$/, 'js'))));
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, transpileModule(readFileSync(join(folder, name), 'utf8'), { compilerOptions }).outputText);
    }
  }
  return { folder: join(out, 'postgres', 'server'), remove: () => rmSync(out, { recursive: true, force: true }) };
}
