import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';

const ROOT = join(__dirname, '../../..');

/** `engine/state` as JavaScript in a folder of its own, for processes that are to be killed. */
export function compileState(): string {
  const folder = mkdtempSync(join(tmpdir(), 'coach-state-js-'));
  const sources = readdirSync(join(ROOT, 'engine/state')).map((name) => join('engine/state', name));
  for (const source of [...sources, 'postgres/errors.ts']) {
    const { outputText } = transpileModule(readFileSync(join(ROOT, source), 'utf8'), {
      compilerOptions: { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true },
    });
    const target = join(folder, source.replace(/\.ts$/, '.js'));
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, outputText);
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
