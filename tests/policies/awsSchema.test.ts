import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { DEPRECATED_ARGUMENTS, isDeprecatedType, TAGGABLE } from '../../policies/rules/awsSchema';
import * as TYPES from '../../policies/types';
import { providerType } from './providerTypes';

const known = Object.values(TYPES).filter((type) => type.startsWith('aws:'));

describe('what is written down of the provider’s types is what its SDK says', () => {
  it('arguments that are deprecated', () => {
    const deprecated = known
      .map((type) => [type, providerType(type).deprecated.filter((path) => !path.endsWith('.displayName'))] as const)
      // What lies inside a deprecated argument is deprecated with it.
      .map(([type, paths]) => [type, paths.filter((path) => !paths.some((one) => path.startsWith(`${one}.`)))] as const)
      .filter(([, paths]) => paths.length > 0);
    expect(Object.fromEntries(deprecated)).toEqual(DEPRECATED_ARGUMENTS);
  });

  it('types that are deprecated', () => {
    const files = readdirSync(join(__dirname, '../../node_modules/@pulumi/aws/s3')).filter((name) =>
      /^bucket\w*\.d\.ts$/.test(name),
    );
    expect(files.length).toBeGreaterThan(20);
    for (const name of files) {
      const file = name.replace('.d.ts', '');
      const type = `aws:s3/${file}:${file.charAt(0).toUpperCase()}${file.slice(1)}`;
      expect([type, isDeprecatedType(type)]).toEqual([type, providerType(type).isDeprecated]);
    }
  });

  it('types that take tags', () => {
    const taggable = new Set(TAGGABLE);
    for (const type of taggable) expect([type, providerType(type).takesTags]).toEqual([type, true]);
  });
});
