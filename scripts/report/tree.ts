import { stripVTControlCharacters } from 'node:util';

import type { DeploymentResult, Operation, PropertyChange, ResourceChange } from '../../engine/changes';
import { type Display, PLAIN, shorten, sign, wrap } from './display';

const SIGN: Record<Operation, string> = { create: '+', update: '~', replace: '±', delete: '-', same: ' ', read: '>' };
const PAST: Record<Operation, string> = {
  create: 'created',
  update: 'updated',
  replace: 'replaced',
  delete: 'deleted',
  same: 'unchanged',
  read: 'read',
};
const FUTURE: Record<Operation, string> = {
  create: 'create',
  update: 'update',
  replace: 'replace',
  delete: 'delete',
  same: 'unchanged',
  read: 'read',
};
/** On a narrow terminal a line is rather too long than a column of syllables. */
const MIN_ROOM = 24;
/** The input handlers compute in `check`. */
const PLAN = 'plan';

/**
 * The tree of changes both engines print: changed resources below their parents, changed properties below each, unchanged
 * ones only counted. A component of which everything is new is one line with the numbers of its resources, unless all was asked for.
 */
export function renderDeployment(result: DeploymentResult, display: Display = PLAIN): string {
  const planned = result.operation === 'preview';
  const lines = [...renderTree(result.changes, planned, display), '', renderCounts(result, planned)];
  return lines.join('\n').replace(/^\n+/, '');
}

function renderTree(changes: readonly ResourceChange[], planned: boolean, display: Display): string[] {
  const byUrn = new Map(changes.map((change) => [change.urn, change]));
  const shown = new Set<string>();
  for (const change of changes) {
    if (change.operation === 'same' && change.error === undefined) continue;
    for (let at: ResourceChange | undefined = change; at !== undefined; at = byUrn.get(at.parent ?? ''))
      shown.add(at.urn);
  }
  const children = new Map<string, ResourceChange[]>();
  const roots: ResourceChange[] = [];
  for (const change of new Set(changes)) {
    if (!shown.has(change.urn)) continue;
    if (change.parent !== undefined && shown.has(change.parent)) {
      children.set(change.parent, [...(children.get(change.parent) ?? []), change]);
    } else roots.push(change);
  }
  const lines: string[] = [];
  /** A line behind `before`; what does not fit goes on below it. */
  const put = (before: string, text: string, below: string): void => {
    const longest = before.length < below.length + 2 ? `${below}  ` : before;
    const [first = '', ...rest] = wrap(text, room(display, longest));
    lines.push(before + first, ...rest.map((line) => `${below}  ${line}`));
  };
  const draw = (change: ResourceChange, first: string, rest: string): void => {
    const below = children.get(change.urn) ?? [];
    // What is still to be deleted is named one by one.
    const isAlike = ({ operation, error, ...of }: ResourceChange): boolean =>
      operation === (planned || change.operation !== 'delete' ? 'create' : 'delete') &&
      error === undefined &&
      shownChanges({ operation, ...of }, display).length === 0;
    const same = display.verbose || first === '' ? undefined : alike(change, children, isAlike);
    const group = same !== undefined && notesOf(same).length > 1 ? undefined : same;
    const bar = `  ${rest}${below.length > 0 && group === undefined ? '│ ' : '  '}`;
    const text = group === undefined ? headline(change, planned) : groupLine(change, group, planned);
    put(`${sign(SIGN[change.operation], display)} ${first}`, text, bar);
    if (group !== undefined) {
      for (const note of notesOf(group)) put(`${bar}  `, `(${note})`, `${bar}  `);
      return;
    }
    for (const line of shownChanges(change, display).flatMap((property) =>
      propertyLines(property, change.replaces, display, bar),
    ))
      put(`${bar}  `, line, `${bar}  `);
    if (change.note !== undefined) put(`${bar}  `, `(${change.note})`, `${bar}  `);
    for (const line of change.error?.split('\n') ?? []) put(`${bar}  ${sign('!', display)} `, line, `${bar}  `);
    below.forEach((child, at) => {
      const last = at === below.length - 1;
      draw(child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`);
    });
  };
  for (const root of roots) draw(root, '', '');
  return lines;
}

/** `postgresql:index/role:Role` reads `postgresql:Role`; our own `pulumi-nodejs:dynamic/coach:Index` reads `coach:Index`. */
export function shortType(type: string): string {
  const [packageName = '', module = '', name = ''] = type.split(':');
  if (packageName === 'pulumi-nodejs') return `${module.split('/')[1] ?? module}:${name}`;
  return module.startsWith('index') ? `${packageName}:${name}` : type;
}

function headline(change: ResourceChange, planned: boolean): string {
  const time = change.operation === 'same' ? '' : took(change.durationMs ?? 0, planned);
  return `${change.name}  ${shortType(change.type)}  ${outcome(change, planned)}${time}`;
}

/** What took no time worth a look says none. */
function took(milliseconds: number, planned: boolean): string {
  return planned || milliseconds < 50 ? '' : ` (${seconds(milliseconds)})`;
}

function outcome({ operation, error }: ResourceChange, planned: boolean): string {
  return error === undefined ? (planned ? FUTURE : PAST)[operation] : 'failed';
}

/** How a new thing is made is only told where that is more than making it: the application's migrations. */
function shownChanges({ operation, type, changed, note }: ResourceChange, { verbose }: Display): PropertyChange[] {
  if (operation === 'create' && !verbose && shortType(type) !== 'coach:Migrations') return [];
  return changed.filter(({ path, after }) => path !== PLAN || note === undefined || !String(after).startsWith(note));
}

/** The resources below one of which all is made, or all gone, and there is nothing more to say; undefined otherwise. */
function alike(
  change: ResourceChange,
  children: ReadonlyMap<string, ResourceChange[]>,
  isAlike: (change: ResourceChange) => boolean,
): ResourceChange[] | undefined {
  const below = children.get(change.urn) ?? [];
  if (below.length === 0 || !isAlike(change)) return undefined;
  const found: ResourceChange[] = [];
  for (const child of below) {
    const more = children.has(child.urn) ? alike(child, children, isAlike) : isAlike(child) ? [child] : undefined;
    if (more === undefined) return undefined;
    found.push(...more);
  }
  return found;
}

function notesOf(group: readonly ResourceChange[]): string[] {
  return [...new Set(group.flatMap(({ note }) => note ?? []))];
}

/** `role  7 Role  created (0.1 s)`: numbers by type, most first. */
function groupLine(change: ResourceChange, group: readonly ResourceChange[], planned: boolean): string {
  const counts = new Map<string, number>();
  for (const { type } of group) {
    const name = shortType(type).split(':').at(-1) ?? type;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const parts = [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => (count === 1 ? name : `${count} ${name}`));
  const ms = group.reduce((sum, { durationMs = 0 }) => sum + durationMs, change.durationMs ?? 0);
  return `${change.name}  ${parts.join(', ')}  ${outcome(change, planned)}${took(ms, planned)}`;
}

/** Columns left behind a beginning, colours not counted. */
function room({ columns }: Display, before: string): number | undefined {
  return columns === undefined ? undefined : Math.max(columns - stripVTControlCharacters(before).length, MIN_ROOM);
}

function propertyLines(
  { path, kind, before, after }: PropertyChange,
  replaces: readonly string[],
  display: Display,
  bar: string,
): string[] {
  // What a handler found it has to do: each step is a line of its own, and what it had to do last time says nothing.
  if (path === PLAN && Array.isArray(after)) return ['steps:', ...after.map((step) => `  ${oneLine(step)}`)];
  const forced = replaces.includes(path) ? '  [replaces]' : '';
  const fixed = `~ ${path}:  => ${forced}`.length;
  const left = room(display, `${bar}  `);
  const width = left === undefined ? undefined : Math.max(left - fixed, MIN_ROOM);
  const half = width === undefined ? undefined : Math.floor(width / 2);
  if (kind === 'add') return [`${sign('+', display)} ${path}: ${shorten(oneLine(after), width)}${forced}`];
  if (kind === 'delete') return [`${sign('-', display)} ${path}: ${shorten(oneLine(before), width)}${forced}`];
  const [from, to] = [shorten(oneLine(before), half), shorten(oneLine(after), half)];
  return [`${sign('~', display)} ${path}: ${from} => ${to}${forced}`];
}

function oneLine(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value)).replaceAll('\n', '⏎');
}

function renderCounts(result: DeploymentResult, planned: boolean): string {
  const words = planned ? FUTURE : PAST;
  const order: Operation[] = ['create', 'update', 'replace', 'delete'];
  const parts = order
    .filter((operation) => result.counts[operation] > 0)
    .map((operation) => `${planned ? 'to ' : ''}${words[operation]}: ${result.counts[operation]}`);
  const failures = result.changes.filter((change) => change.error !== undefined).length;
  if (failures > 0) parts.push(`failed: ${failures}`);
  parts.push(`unchanged: ${result.counts.same}`);
  return `Resources  ${parts.join(', ')}\nTime       ${seconds(result.durationMs)}`;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
