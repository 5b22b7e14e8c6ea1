import { describe, expect, it } from 'vitest';

import type { ResourceChange } from '../../engine/changes';
import { BUCKET, INSTANCE, KEY, TOPIC } from '../../policies/types';
import { lossesOf } from '../../scripts/keptData';
import type { Stack } from '../../scripts/stack';

type Settled = Pick<Stack, 'name' | 'settings'>;

const stack = (environment: string, protect?: boolean): Settled =>
  ({ name: environment, settings: { environment, ...(protect === undefined ? {} : { aws: { protect } }) } }) as Settled;

const change = (
  type: string,
  operation: ResourceChange['operation'],
  more: Partial<ResourceChange> = {},
): ResourceChange => ({
  urn: `urn:pulumi:prod::coach::coach:database:PostgresInstance$${type}::one`,
  type,
  name: 'one',
  operation,
  changed: [],
  replaces: [],
  ...more,
});

describe('a plan for prod that would lose what cannot be made again', () => {
  it.each([INSTANCE, KEY, BUCKET])('is refused: %s deleted or replaced', (type) => {
    const deleted = lossesOf(stack('prod', true), [change(type, 'delete'), change(type, 'same')]);
    expect(deleted.map(({ code, kind }) => [code, kind])).toEqual([['plan-keeps-data', 'refused']]);
    expect(deleted[0]?.message).toContain(`one (${type}): it would be deleted`);
    const replaced = lossesOf(stack('prod', true), [change(type, 'replace', { replaces: ['username'] })]);
    expect(replaced[0]?.message).toContain('it would be replaced (username)');
    expect(replaced[0]?.remedy).toContain('coach:aws.protect to false in Pulumi.prod.yaml');
  });

  it('is refused where the change of a property means another one', () => {
    const changed = [{ path: 'username', kind: 'update' as const, before: 'a', after: 'b' }];
    const found = lossesOf(stack('prod', true), [change(INSTANCE, 'update', { changed })]);
    expect(found.map(({ message }) => message)[0]).toContain('it would be replaced (username)');
    const harmless = [{ path: 'backupWindow', kind: 'update' as const, before: 'a', after: 'b' }];
    expect(lossesOf(stack('prod', true), [change(INSTANCE, 'update', { changed: harmless })])).toEqual([]);
  });

  it('is not where the settings lift protection, or for what can be made again, or elsewhere', () => {
    const doomed = [change(INSTANCE, 'delete')];
    expect(lossesOf(stack('prod', false), doomed)).toEqual([]);
    expect(lossesOf(stack('prod', true), [change(TOPIC, 'replace')])).toEqual([]);
    expect(lossesOf(stack('local'), doomed)).toEqual([]);
    const replica = change(INSTANCE, 'delete', { name: 'database-replica-1' });
    expect(lossesOf(stack('prod', true), [replica])).toEqual([]);
  });
});
