import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { forStack } from '../postgres/commands';
import { ROOT } from './support/compiled';
import { allTexts, SPEAKING, textsOf } from './support/sourceTexts';

/** Above a list in which each command carries it. */
const HEADING = 'Next: npm run coachdb --';

/** What of a text reads as a command of this project and would not carry the stack. */
function bareCommands(text: string): string[] {
  if (text === HEADING) return [];
  const printed = forStack(text, 'staging').replaceAll(/`npm run [^`]* --stack (?:staging|STACK|X)[^`]*`/g, '');
  return printed.match(/\bnpm start\b|\bnpm run (?!build\b|prepare\b)\S+|\bcoachdb (?:up|[a-z]+ -)\S*/g) ?? [];
}

describe('printed commands', () => {
  it('all carry the stack: no source prints one around forStack', () => {
    const texts = allTexts();
    const known = texts.filter(({ text }) => forStack(text, 'staging') !== text);
    expect(known.length).toBeGreaterThan(40);
    expect(texts.flatMap(({ file, text }) => bareCommands(text).map((command) => `${file}: ${command}`))).toEqual([]);
  });

  it('go out through one place: nothing else writes to the terminal', () => {
    const writing = (folder: string): string[] =>
      readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
        .filter((name) => /process\.std(out|err)\.write|console\./.test(readFileSync(join(ROOT, folder, name), 'utf8')))
        .map((name) => join(folder, name));
    // A handler's lines, which the command line prints; under Pulumi's own engine they are shown as they are.
    expect(SPEAKING.flatMap(writing).sort()).toEqual(['postgres/spoken.ts', 'scripts/cli.ts', 'scripts/terminal.ts']);
  });

  it.each([
    ["const remedy = 'Run npm start first.';", 'npm start'],
    ["const remedy = 'Run `npm run coachdb -- logs ' + more;", 'npm run coachdb'],
    ['const remedy = `Run npm run up for ${name}.`;', 'npm run up'],
  ])('would notice %s', (source, command) => {
    expect(textsOf('probe.ts', source).flatMap(({ text }) => bareCommands(text))).toEqual([command]);
  });
});
