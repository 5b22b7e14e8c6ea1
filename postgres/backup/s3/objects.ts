import type { Bucket } from './bucket';

export interface StoredObject {
  key: string;
  bytes: number;
  modified: Date;
}

/** Everything below a prefix, a request for each thousand. Current versions only. */
export async function objectsBelow(bucket: Bucket, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  let token: string | undefined;
  do {
    const input = { Bucket: bucket.name, Prefix: prefix, ...(token === undefined ? {} : { ContinuationToken: token }) };
    const page = await bucket.call('s3:ListBucket', undefined, (s3) => s3.listObjectsV2(input));
    for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? [])
      found.push({ key: Key, bytes: Size, modified: LastModified });
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
  return found;
}
