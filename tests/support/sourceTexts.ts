import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import ts from 'typescript';

import { ROOT } from './compiled';

/** Folders whose sources speak to people. */
export const SPEAKING = ['system', 'postgres', 'engine', 'infra', 'components', 'stacks', 'scripts', 'app'];

export interface SourceText {
  file: string;
  text: string;
}

/** Every text of the sources: strings, and templates and sums of strings as a whole, with X for what is put in. */
export function textsOf(file: string, source: string): SourceText[] {
  const texts: SourceText[] = [];
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

/** The same of every source that speaks to people. */
export function allTexts(): SourceText[] {
  return SPEAKING.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts') && !/generated|probe|^docs\//.test(name))
      .flatMap((name) => textsOf(join(folder, name), readFileSync(join(ROOT, folder, name), 'utf8'))),
  );
}
