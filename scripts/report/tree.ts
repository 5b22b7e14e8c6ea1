import type { DeploymentResult, Operation, PropertyChange, ResourceChange } from '../../engine/changes';

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
const MAX_VALUE_LENGTH = 60;
/** The input handlers compute in `check`. */
const PLAN = 'plan';

/**
 * The tree of changes both engines print: changed resources below their parents, changed properties below each, unchanged
 * ones only counted.
 */
export function renderDeployment(result: DeploymentResult): string {
  const planned = result.operation === 'preview';
  const lines = [...renderTree(result.changes, planned), '', renderCounts(result, planned)];
  return lines.join('\n').replace(/^\n+/, '');
}

function renderTree(changes: readonly ResourceChange[], planned: boolean): string[] {
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
  const draw = (change: ResourceChange, first: string, rest: string): void => {
    lines.push(`${SIGN[change.operation]} ${first}${headline(change, planned)}`);
    const below = children.get(change.urn) ?? [];
    const bar = below.length > 0 ? '│ ' : '  ';
    for (const line of change.changed.flatMap((property) => propertyLines(property, change.replaces)))
      lines.push(`  ${rest}${bar}  ${line}`);
    if (change.note !== undefined) lines.push(`  ${rest}${bar}  (${change.note})`);
    for (const line of change.error?.split('\n') ?? []) lines.push(`  ${rest}${bar}  ! ${line}`);
    below.forEach((child, at) => {
      const last = at === below.length - 1;
      draw(child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`);
    });
  };
  for (const root of roots) draw(root, '', '');
  return lines;
}

function headline(change: ResourceChange, planned: boolean): string {
  const what = change.error === undefined ? (planned ? FUTURE : PAST)[change.operation] : 'failed';
  const time = !planned && change.operation !== 'same' ? ` (${seconds(change.durationMs ?? 0)})` : '';
  return `${change.name}  ${shortType(change.type)}  ${what}${time}`;
}

/** `postgresql:index/role:Role` reads `postgresql:Role`; our own `pulumi-nodejs:dynamic/coach:Index` reads `coach:Index`. */
export function shortType(type: string): string {
  const [packageName = '', module = '', name = ''] = type.split(':');
  if (packageName === 'pulumi-nodejs') return `${module.split('/')[1] ?? module}:${name}`;
  return module.startsWith('index') ? `${packageName}:${name}` : type;
}

function propertyLines({ path, kind, before, after }: PropertyChange, replaces: readonly string[]): string[] {
  // What a handler found it has to do: each step is a line of its own, and what it had to do last time says nothing.
  if (path === PLAN && Array.isArray(after)) return ['steps:', ...after.map((step) => `  ${shorten(step)}`)];
  const forced = replaces.includes(path) ? '  [replaces]' : '';
  if (kind === 'add') return [`+ ${path}: ${shorten(after)}${forced}`];
  if (kind === 'delete') return [`- ${path}: ${shorten(before)}${forced}`];
  return [`~ ${path}: ${shorten(before)} => ${shorten(after)}${forced}`];
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const line = text.replaceAll('\n', '⏎');
  return line.length > MAX_VALUE_LENGTH ? `${line.slice(0, MAX_VALUE_LENGTH - 1)}…` : line;
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
