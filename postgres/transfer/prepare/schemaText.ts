/** The text of Prisma schema files, read and changed without touching a character more than is meant. */

export interface SchemaFile {
  path: string;
  text: string;
}

export interface Datasource {
  file: SchemaFile;
  /** The value between the quotes; undefined where it is none. */
  provider: string | undefined;
  properties: Property[];
}

export interface Property {
  name: string;
  /** As written, without a comment behind it. */
  value: string;
  /** Offsets of the value in the file's text. */
  start: number;
  end: number;
  /** From 1. */
  line: number;
}

export interface Block {
  /** `model`, `datasource`, `generator`, ... */
  keyword: string;
  name: string;
  properties: Property[];
  /** The text between the braces, comments blanked out. */
  body: string;
  /** Offset of `body` in the file's text. */
  start: number;
}

const NEWLINES_ONLY = /[^\r\n]/g;

/** The text with blanks for every comment, so that offsets stay. */
export function withoutComments(text: string): string {
  return text.replace(/("(?:[^"\\\r\n]|\\.)*")|\/\/[^\r\n]*|\/\*[\s\S]*?(?:\*\/|$)/g, (whole, quoted?: string) =>
    quoted === undefined ? whole.replace(NEWLINES_ONLY, ' ') : whole,
  );
}

/** Every block of a file. A block ends at a line that begins with `}`, as in Prisma's grammar. */
export function blocksOf(text: string): Block[] {
  const plain = withoutComments(text);
  const opening = /^[ \t]*([a-z]+)[ \t]+(\w+)[ \t]*\{/gm;
  const blocks: Block[] = [];
  for (let match = opening.exec(plain); match !== null; match = opening.exec(plain)) {
    const start = opening.lastIndex;
    const closing = /^[ \t]*\}/gm;
    closing.lastIndex = start;
    const end = closing.exec(plain)?.index ?? plain.length;
    const body = plain.slice(start, end);
    const [, keyword = '', name = ''] = match;
    blocks.push({ keyword, name, body, start, properties: propertiesOf(text, body, start) });
    opening.lastIndex = end;
  }
  return blocks;
}

export function datasourceOf(files: readonly SchemaFile[]): Datasource | undefined {
  for (const file of files) {
    const block = blocksOf(file.text).find(({ keyword }) => keyword === 'datasource');
    if (block === undefined) continue;
    const { properties } = block;
    const provider = /^"(.*)"$/.exec(properties.find(({ name }) => name === 'provider')?.value ?? '')?.[1];
    return { file, provider, properties };
  }
  return undefined;
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The text with other values for these properties. */
export function withValues(text: string, values: readonly { property: Property; value: string }[]): string {
  return [...values]
    .sort((a, b) => b.property.start - a.property.start)
    .reduce(
      (changed, { property, value }) => changed.slice(0, property.start) + value + changed.slice(property.end),
      text,
    );
}

/** `name = value`; an array may go on over lines. */
function propertiesOf(text: string, body: string, offset: number): Property[] {
  return [...body.matchAll(/^[ \t]*(\w+)[ \t]*=[ \t]*(\[[^\]]*\]|[^\r\n]*)/gm)].map((match) => {
    const [whole, name = '', written = ''] = match;
    const value = written.trimEnd();
    const start = offset + match.index + whole.length - written.length;
    return { name, value, start, end: start + value.length, line: lineAt(text, start) };
  });
}
