import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import type * as TypeScript from 'typescript';

import { lineAt } from './schemaText';

/** What a prisma.config file says, read without running it. Paths are absolute. */
export interface PrismaConfig {
  path: string;
  schema?: string;
  migrations?: string;
  externalTables: string[];
  externalEnums: string[];
  /** The line at which `datasource.url` names a file. */
  fileUrlLine?: number;
  /** What stands there but is only known once the file runs: `schema (line 7)`. */
  unread: string[];
}

const EXTENSIONS = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'];
/** Where Prisma 6 and 7 look, first things first. */
const NAMES = ['prisma7.config', '.config/prisma7', 'prisma.config', '.config/prisma', '.config/prisma.config'];

export function findConfig(application: string): string | undefined {
  return NAMES.flatMap((name) => EXTENSIONS.map((extension) => join(application, `${name}.${extension}`))).find(
    (path) => existsSync(path),
  );
}

/**
 * Reads the object that the file exports. Texts, templates, `path.join` and constants of the file itself are followed; whatever else there is
 * (an environment variable, an import) is said in `unread`.
 */
export async function readConfig(path: string): Promise<PrismaConfig> {
  const ts = await import('typescript');
  const text = readFileSync(path, 'utf8');
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const reader = new Reader(ts, source, dirname(path));
  const config: PrismaConfig = { path, externalTables: [], externalEnums: [], unread: [] };
  const exported = reader.exported();
  if (exported === undefined) return { ...config, unread: ['what it exports'] };
  const say = (name: string, node: TypeScript.Node): number =>
    config.unread.push(`${name} (line ${lineAt(text, node.getStart(source))})`);
  const pathAt = (...names: string[]): string | undefined => {
    const found = reader.property(exported, names);
    if (found === undefined) return undefined;
    const value = found === 'hidden' ? undefined : reader.textOf(found);
    if (value === undefined) say(names.join('.'), found === 'hidden' ? exported : found);
    return value === undefined ? undefined : resolve(dirname(path), value);
  };
  const listAt = (...names: string[]): string[] => {
    const found = reader.property(exported, names);
    if (found === undefined) return [];
    if (found === 'hidden') {
      say(names.join('.'), exported);
      return [];
    }
    const values = ts.isArrayLiteralExpression(found)
      ? found.elements.map((element) => reader.textOf(element))
      : [undefined];
    if (values.includes(undefined)) say(names.join('.'), found);
    return values.filter((value) => value !== undefined);
  };
  const schema = pathAt('schema');
  const migrations = pathAt('migrations', 'path');
  config.externalTables = listAt('tables', 'external');
  config.externalEnums = listAt('enums', 'external');
  const url = reader.property(exported, ['datasource', 'url']);
  if (url !== undefined && url !== 'hidden' && /^(file|sqlite):/.test(reader.textOf(url) ?? ''))
    config.fileUrlLine = lineAt(text, url.getStart(source));
  return {
    ...config,
    ...(schema === undefined ? {} : { schema }),
    ...(migrations === undefined ? {} : { migrations }),
  };
}

/** Follows expressions as far as the file itself says what they are. */
class Reader {
  constructor(
    private readonly ts: typeof TypeScript,
    private readonly source: TypeScript.SourceFile,
    private readonly folder: string,
  ) {}

  /** `export default`, `module.exports =`, with `defineConfig(...)` around the object or without. */
  exported(): TypeScript.ObjectLiteralExpression | undefined {
    const { ts } = this;
    for (const statement of this.source.statements) {
      const expression = ts.isExportAssignment(statement) ? statement.expression : this.moduleExports(statement);
      if (expression === undefined) continue;
      let found = this.followed(expression);
      if (ts.isCallExpression(found) && found.arguments[0] !== undefined) found = this.followed(found.arguments[0]);
      return ts.isObjectLiteralExpression(found) ? found : undefined;
    }
    return undefined;
  }

  /** `hidden`: a spread may bring it along. */
  property(from: TypeScript.Expression, [name = '', ...rest]: string[]): TypeScript.Expression | 'hidden' | undefined {
    const { ts } = this;
    const object = this.followed(from);
    if (!ts.isObjectLiteralExpression(object)) return object;
    const named = object.properties.find(
      (property) => property.name !== undefined && this.keyOf(property.name) === name,
    );
    if (named === undefined) return object.properties.some((one) => ts.isSpreadAssignment(one)) ? 'hidden' : undefined;
    const value = ts.isPropertyAssignment(named) ? named.initializer : named.name;
    if (value === undefined || !ts.isExpression(value)) return 'hidden';
    return rest.length === 0 ? this.followed(value) : this.property(value, rest);
  }

  textOf(expression: TypeScript.Expression): string | undefined {
    const { ts } = this;
    const found = this.followed(expression);
    if (ts.isStringLiteralLike(found)) return found.text;
    if (ts.isIdentifier(found) && found.text === '__dirname') return this.folder;
    if (found.getText(this.source) === 'import.meta.dirname') return this.folder;
    if (ts.isTemplateExpression(found))
      return joined([
        found.head.text,
        ...found.templateSpans.flatMap((span) => [this.textOf(span.expression), span.literal.text]),
      ]);
    if (!ts.isCallExpression(found) || !/^(path\.)?(join|resolve)$/.test(found.expression.getText(this.source)))
      return undefined;
    const parts = found.arguments.map((argument) => this.textOf(argument));
    return parts.includes(undefined) ? undefined : join(...parts.filter((part) => part !== undefined));
  }

  /** Past parentheses, `as`, `satisfies` and constants of this file; `steps` ends what goes round in circles. */
  private followed(expression: TypeScript.Expression, steps = 20): TypeScript.Expression {
    const { ts } = this;
    if (
      ts.isParenthesizedExpression(expression) ||
      ts.isAsExpression(expression) ||
      ts.isSatisfiesExpression(expression)
    )
      return this.followed(expression.expression, steps);
    if (!ts.isIdentifier(expression) || steps === 0) return expression;
    for (const statement of this.source.statements) {
      if (!ts.isVariableStatement(statement) || (statement.declarationList.flags & ts.NodeFlags.Const) === 0) continue;
      for (const { name, initializer } of statement.declarationList.declarations)
        if (ts.isIdentifier(name) && name.text === expression.text && initializer !== undefined)
          return this.followed(initializer, steps - 1);
    }
    return expression;
  }

  private moduleExports(statement: TypeScript.Statement): TypeScript.Expression | undefined {
    const { ts } = this;
    if (!ts.isExpressionStatement(statement) || !ts.isBinaryExpression(statement.expression)) return undefined;
    const { left, right } = statement.expression;
    return ['module.exports', 'exports.default'].includes(left.getText(this.source)) ? right : undefined;
  }

  private keyOf(name: TypeScript.PropertyName): string | undefined {
    const { ts } = this;
    return ts.isIdentifier(name) || ts.isStringLiteralLike(name) ? name.text : undefined;
  }
}

function joined(parts: (string | undefined)[]): string | undefined {
  return parts.includes(undefined) ? undefined : parts.join('');
}
