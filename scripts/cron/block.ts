import { PlatformError } from '../../system/errors';

/**
 * Our lines in a crontab stand between two markers that name stack and folder. Everything else is somebody's and comes back byte for byte: texts
 * are bytes as latin1, one character each.
 */
export interface Owner {
  stack: string;
  /** The folder of Pulumi.yaml. */
  root: string;
}

const asBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const asText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

const begin = ({ stack, root }: Owner): string => asBytes(`# BEGIN coachdb ${stack} ${root}`);
const end = ({ stack, root }: Owner): string => asBytes(`# END coachdb ${stack} ${root}`);

interface Found {
  /** Offsets of the block in the text, its last line's end included. */
  from: number;
  to: number;
  /** The lines between the markers. */
  lines: string[];
}

/** The lines between our markers, undefined without any. Throws `crontab-block-damaged` where the markers are not one pair. */
export function blockLines(crontab: string, owner: Owner): string[] | undefined {
  return find(crontab, owner)?.lines.map(asText);
}

/** The crontab with these lines between our markers, in their old place or at the end; without lines no markers either. */
export function withBlock(crontab: string, owner: Owner, lines: readonly string[]): string {
  const found = find(crontab, owner);
  const block =
    lines.length === 0 ? '' : [begin(owner), ...lines.map(asBytes), end(owner)].map((line) => `${line}\n`).join('');
  if (found !== undefined) return crontab.slice(0, found.from) + block + crontab.slice(found.to);
  // crontab takes no last line without its end.
  const gap = crontab === '' || crontab.endsWith('\n') || block === '' ? '' : '\n';
  return crontab + gap + block;
}

/** All pairs of markers of this project in a crontab. */
export function ownersIn(crontab: string): Owner[] {
  return [...crontab.matchAll(/^# BEGIN coachdb (\S+) (.+?)\r?$/gm)].map(([, stack = '', root = '']) => ({
    stack,
    root: asText(root),
  }));
}

function find(crontab: string, owner: Owner): Found | undefined {
  const [first, last] = [begin(owner), end(owner)];
  const lines = linesOf(crontab);
  const begins = lines.filter(({ text }) => text === first);
  const ends = lines.filter(({ text }) => text === last);
  const [one, other] = [begins[0], ends[0]];
  if (one === undefined && other === undefined) return undefined;
  if (one === undefined || other === undefined || begins.length + ends.length > 2 || one.from > other.from) {
    const found = [...begins, ...ends].map(({ number }) => number).sort((a, b) => a - b);
    throw new PlatformError(
      'crontab-block-damaged',
      `The crontab has the markers of stack ${owner.stack} of ${owner.root} in ${found.length === 1 ? 'line' : 'lines'} ${found.join(', ')}, and not as one pair of "${asText(first)}" and "${asText(last)}".`,
      'Remove those lines and the lines of this project between them (`crontab -e`), then run `npm run coachdb -- cron install`.',
      { kind: 'refused', object: asText(first) },
    );
  }
  const between = lines.filter(({ from }) => from > one.from && from < other.from);
  return { from: one.from, to: other.to, lines: between.map(({ text }) => text) };
}

interface Line {
  /** From 1. */
  number: number;
  from: number;
  to: number;
  /** Without its end, which an editor may have made CRLF. */
  text: string;
}

function linesOf(text: string): Line[] {
  let from = 0;
  return text.split(/(?<=\n)/).map((line, index) => {
    const found = { number: index + 1, from, to: from + line.length, text: line.replace(/\r?\n$/, '') };
    from = found.to;
    return found;
  });
}
