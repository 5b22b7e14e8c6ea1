import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const SDK = join(__dirname, '../../node_modules/@pulumi/aws');

/** What the SDK's own declarations say of a resource type. */
export interface ProviderType {
  takesTags: boolean;
  isDeprecated: boolean;
  /** Paths of arguments, `rules.prefix` for those inside lists as well. */
  deprecated: string[];
}

let nested: string | undefined;

/** `aws:s3/bucket:Bucket`, read from `s3/bucket.d.ts`. */
export function providerType(token: string): ProviderType {
  const [, module = '', file = '', name = ''] = /^aws:([^/]+)\/(\w+):(\w+)$/.exec(token) ?? [];
  const text = readFileSync(join(SDK, module, `${file}.d.ts`), 'utf8');
  const body = bodyOf(text, `export interface ${name}Args {`);
  return {
    takesTags: /^ {4}tags\?/m.test(body),
    isDeprecated: new RegExp(`@deprecated(?:[^*]|\\*(?!/))*\\*/\\s*export declare class ${name} `).test(text),
    deprecated: deprecatedIn(body, '', 4),
  };
}

function bodyOf(text: string, head: string): string {
  const begin = text.indexOf(head);
  if (begin < 0) throw new Error(`The SDK has no ${head}`);
  const indent = /[ ]*$/.exec(text.slice(0, begin))?.[0] ?? '';
  return text.slice(begin, text.indexOf(`\n${indent}}`, begin));
}

function deprecatedIn(body: string, path: string, depth: number): string[] {
  if (depth === 0) return [];
  const found: string[] = [];
  for (const [, comment = '', name = '', type = ''] of body.matchAll(
    /(\/\*\*(?:[^*]|\*(?!\/))*\*\/)?\s*(\w+)\??: ([^;]+);/g,
  )) {
    const here = path === '' ? name : `${path}.${name}`;
    if (comment.includes('@deprecated')) found.push(here);
    const [, module, inner] = /inputs\.(\w+)\.(\w+)/.exec(type) ?? [];
    if (module !== undefined && inner !== undefined)
      found.push(...deprecatedIn(nestedBody(module, inner), here, depth - 1));
  }
  return found;
}

function nestedBody(module: string, name: string): string {
  nested ??= readFileSync(join(SDK, 'types', 'input.d.ts'), 'utf8');
  const namespace = nested.indexOf(`export declare namespace ${module} {`);
  const text = nested.slice(namespace, nested.indexOf('\n}', namespace));
  return bodyOf(text, `interface ${name} {`);
}
