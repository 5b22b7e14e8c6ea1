import { describe, expect, it } from 'vitest';

import { parseSettings } from '../../../../infra/config/parse';

const problemsOf = (s3: unknown): string[] =>
  parseSettings({ backup: { s3 } }, 'local').problems.map(({ message }) => message);

describe('coach:backup.s3', () => {
  it('is absent unless it is set', () => {
    expect(parseSettings({}, 'local').settings?.backup.s3).toBeUndefined();
  });

  it('needs a bucket alone', () => {
    const { settings } = parseSettings({ backup: { s3: { bucket: 'example-backups' } } }, 'prod');
    expect(settings?.backup.s3).toEqual({ bucket: 'example-backups', concurrency: 4 });
    expect(problemsOf({ region: 'eu-central-1' })).toEqual([
      expect.stringMatching(/coach:backup\.s3\.bucket is missing/),
    ]);
  });

  it.each([
    'https://s3.example.com',
    'https://s3.example.com:9000',
    'http://127.0.0.1:9000',
    'http://localhost:9000',
    'http://[::1]:9000',
  ])('takes the endpoint %s', (endpoint) => {
    expect(problemsOf({ bucket: 'example', endpoint })).toEqual([]);
  });

  it.each([
    'http://s3.example.com',
    'https://key:secret@s3.example.com',
    'https://s3.example.com/path',
    'https://s3.example.com?a=1',
    's3.example.com',
    'ftp://127.0.0.1',
  ])('refuses the endpoint %s', (endpoint) => {
    expect(problemsOf({ bucket: 'example', endpoint })).toEqual([
      expect.stringMatching(
        /coach:backup\.s3\.endpoint .*expected the URL of an S3 endpoint without path, account or query/,
      ),
    ]);
  });

  it.each([
    ['prefix', '/local', 'local/', '../local', 'a//b', 'a b'],
    ['bucket', 'AB', 'a', 'Upper', 'under_score'],
    ['storageClass', 'GLACIER', 'DEEP_ARCHIVE'],
    ['partSizeBytes', 5 * 1024 * 1024 - 1, 64 * 1024 * 1024 + 1],
    ['concurrency', 0, 17],
  ])('refuses a %s such as %s', (key, ...values) => {
    for (const value of values)
      expect(problemsOf({ bucket: 'example', [key]: value })).toEqual([
        expect.stringMatching(new RegExp(`coach:backup\\.s3\\.${key} `)),
      ]);
  });

  it('knows no credentials', () => {
    expect(problemsOf({ bucket: 'example', secretAccessKey: 'x' })).toEqual([
      expect.stringMatching(/coach:backup\.s3\.secretAccessKey is not a setting/),
    ]);
  });
});
