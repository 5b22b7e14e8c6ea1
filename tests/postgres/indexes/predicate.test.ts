import { expect, it } from 'vitest';

import { normalPredicate } from '../../../postgres/indexes/predicate';
import { normalOpclassParameters, normalStorage } from '../../../postgres/indexes/storage';

it.each([
  ['((b = 2) AND (a > 1))', '((a > 1) AND (b = 2))', true],
  ['(active AND (a > 1))', '((a > 1) AND active)', true],
  // Inside quotes, identifiers, nested parentheses and CASE an AND joins nothing at the top.
  [`((b <> ' AND '::text) AND (a > 1))`, `((a > 1) AND (b <> ' AND '::text))`, true],
  [`(("x AND y" > 1) AND a)`, `(a AND ("x AND y" > 1))`, true],
  [`((b <> E'\\\\'''::text) AND (a > 1))`, `((a > 1) AND (b <> E'\\\\'''::text))`, true],
  ['((a AND b) OR c)', '((b AND a) OR c)', false],
  ['(NOT (a AND b))', '(NOT (b AND a))', false],
  ['((a > 1) AND (b OR c))', '((b OR c) AND (a > 1))', true],
  ['(CASE WHEN a AND b THEN c ELSE d END AND e)', '(e AND CASE WHEN a AND b THEN c ELSE d END)', true],
  ['(CASE WHEN a AND b THEN c ELSE d END)', '(CASE WHEN b AND a THEN c ELSE d END)', false],
  ['((a)::text = ANY (ARRAY[b, c]))', '((a)::text = ANY (ARRAY[c, b]))', false],
  ['(a > 1)', '(a > 2)', false],
])('%s and %s: the same rows %s', (one, other, same) => {
  expect(normalPredicate(one) === normalPredicate(other)).toBe(same);
});

it('reads storage parameters by value and leaves defaults out', () => {
  expect(normalStorage('btree', { fillfactor: '070', deduplicate_items: 'F' })).toEqual({
    deduplicate_items: 'off',
    fillfactor: '70',
  });
  expect(normalStorage('btree', { fillfactor: 90, deduplicate_items: 'y' })).toEqual({});
  expect(normalStorage('hash', { fillfactor: 90 })).toEqual({ fillfactor: '90' });
  expect(normalStorage('gin', { gin_pending_list_limit: 4096, fastupdate: 1 })).toEqual({
    gin_pending_list_limit: '4096',
  });
  expect(normalStorage('bloom', { length: '1e2' })).toEqual({ length: '100' });
  expect(normalOpclassParameters('gist_trgm_ops', { siglen: '12' })).toEqual({});
});
