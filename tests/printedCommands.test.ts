import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';
import { describe, expect, it } from 'vitest';

import { forStack } from '../postgres/commands';

const root = join(__dirname, '..');
const FOLDERS = ['postgres', 'engine', 'infra', 'components', 'stacks', 'scripts', 'app'];

interface Text {
  file: string;
  text: string;
}

/** Every text of the sources: strings, and templates and sums of strings as a whole, with X for what is put in. */
function textsOf(file: string, source: string): Text[] {
  const texts: Text[] = [];
  const visit = (node: ts.Node): void => {
    const text = textOf(node);
    if (text !== undefined) texts.push({ file, text });
    else if (!isHelp(node)) ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.ES2022, true));
  return texts;
}

function textOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) return node.text;
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map(({ literal }) => `X${literal.text}`).join('');
  if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.PlusToken) return undefined;
  const [left, right] = [textOf(node.left), textOf(node.right)];
  return left === undefined && right === undefined ? undefined : (left ?? 'X') + (right ?? 'X');
}

/** --help stands beside --stack itself. */
function isHelp(node: ts.Node): boolean {
  if (ts.isVariableDeclaration(node)) return node.name.getText() === 'HELP';
  return ts.isPropertyAssignment(node) && /^(description|help)$/.test(node.name.getText());
}

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
    const texts = FOLDERS.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !name.includes('generated'))
        .flatMap((name) => textsOf(join(folder, name), readFileSync(join(root, folder, name), 'utf8'))),
    );
    const known = texts.filter(({ text }) => forStack(text, 'staging') !== text);
    expect(known.length).toBeGreaterThan(40);
    expect(texts.flatMap(({ file, text }) => bareCommands(text).map((command) => `${file}: ${command}`))).toEqual([]);
  });

  it('go out through one place: nothing else writes to the terminal', () => {
    const writing = (folder: string): string[] =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
        .filter((name) => /process\.std(out|err)\.write|console\./.test(readFileSync(join(root, folder, name), 'utf8')))
        .map((name) => join(folder, name));
    // A handler's lines, which the command line prints; under Pulumi's own engine they are shown as they are.
    expect(FOLDERS.flatMap(writing).sort()).toEqual(['postgres/spoken.ts', 'scripts/cli.ts']);
  });

  it.each([
    ["const remedy = 'Run npm start first.';", 'npm start'],
    ["const remedy = 'Run `npm run coachdb -- logs ' + more;", 'npm run coachdb'],
    ['const remedy = `Run npm run up for ${name}.`;', 'npm run up'],
  ])('would notice %s', (source, command) => {
    expect(textsOf('probe.ts', source).flatMap(({ text }) => bareCommands(text))).toEqual([command]);
  });
});
