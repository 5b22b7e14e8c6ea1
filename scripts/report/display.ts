import { styleText } from 'node:util';

/** Where a text is read. */
export interface Display {
  /** Width of the terminal; undefined where there is none: nothing is wrapped or cut then. */
  columns: number | undefined;
  colour: boolean;
  /** Everything, where otherwise what is alike is only counted. */
  verbose: boolean;
}

/** What is not a terminal: a file, a pipe, JSON. */
export const PLAIN: Display = { columns: undefined, colour: false, verbose: false };

/** A command's text, or how it reads on a display. */
export type Text = string | ((display: Display) => string);

export function textFor(text: Text, display: Display): string {
  return typeof text === 'string' ? text : text(display);
}

/** `more` below a text, an empty line between them. */
export function withMore(text: Text, more: string): Text {
  return more === '' ? text : (display) => `${textFor(text, display)}\n\n${wrapLines(more, display)}`;
}

const COLOURS = { '+': 'green', '~': 'yellow', '-': 'red', '±': 'red', '!': 'red' } as const;

/** The sign of a change, coloured where there are colours. */
export function sign(text: string, { colour }: Display): string {
  const style = COLOURS[text as keyof typeof COLOURS];
  return colour && style !== undefined ? styleText(style, text, { validateStream: false }) : text;
}

const EMPHASES = {
  bold: 'bold',
  ok: 'green',
  changed: 'green',
  differs: 'yellow',
  refused: 'red',
  failed: 'red',
} as const;

/** A heading or a status, set apart where there are colours. */
export function emphasised(text: string, emphasis: keyof typeof EMPHASES, { colour }: Display): string {
  return colour ? styleText(EMPHASES[emphasis], text, { validateStream: false }) : text;
}

/** A number and its unit stay together. */
const BETWEEN_WORDS = /(?<=\s)(?=\S)(?!(?<=\d\s)(?:m?s|min|h|%|B|[kMGTP]B)(?!\w))/;

/** Lines of a text, each wrapped below its own indentation. */
export function wrapLines(text: string, { columns }: Display): string {
  return text
    .split('\n')
    .flatMap((line) => {
      const indent = line.slice(0, line.length - line.trimStart().length);
      const [first = '', ...rest] = wrap(line.trimStart(), columns === undefined ? undefined : columns - indent.length);
      return [indent + first, ...rest.map((more) => indent + more)];
    })
    .join('\n');
}

/** A text in lines of at most `width`, broken between words; a longer word stays whole on a line of its own. */
export function wrap(text: string, width: number | undefined): string[] {
  if (width === undefined || text.length <= width) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(BETWEEN_WORDS)) {
    if (line !== '' && (line + word).trimEnd().length > width) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += word;
  }
  return [...lines, line.trimEnd()];
}

/** A value on one line; what does not fit is left out from a word on. */
export function shorten(text: string, width: number | undefined): string {
  const line = text.replaceAll('\n', '⏎');
  if (width === undefined || line.length <= width) return line;
  const cut = line.slice(0, Math.max(width - 1, 1));
  const space = cut.lastIndexOf(' ');
  return `${space > cut.length / 2 ? cut.slice(0, space) : cut}…`;
}
