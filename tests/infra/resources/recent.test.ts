import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { Recent } from '../../../infra/resources/handlers/recent';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('an answer is for the same inputs, once', () => {
  const recent = new Recent<{ name: string }, number>();
  recent.remember({ name: 'a' }, 1);
  expect(recent.take({ name: 'b' })).toBeUndefined();
  expect(recent.take({ name: 'a' })).toBe(1);
  expect(recent.take({ name: 'a' })).toBeUndefined();
});

it('the database may be another one after the time that a step takes: an old answer is not given', () => {
  const recent = new Recent<string, number>();
  recent.remember('a', 1);
  vi.advanceTimersByTime(4_999);
  expect(recent.take('a')).toBe(1);
  recent.remember('a', 2);
  vi.advanceTimersByTime(5_000);
  expect(recent.take('a')).toBeUndefined();
});
