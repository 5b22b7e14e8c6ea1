import { createHash, type Hash } from 'node:crypto';
import { Transform, type TransformCallback } from 'node:stream';

/** What a file was when it was written or read through. */
export interface FileFacts {
  bytes: number;
  sha256: string;
}

/** Lets bytes through, counts and hashes them. */
export class Measured extends Transform {
  bytes = 0;
  private readonly hash: Hash = createHash('sha256');

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    done(null, chunk);
  }

  facts(): FileFacts {
    return { bytes: this.bytes, sha256: this.hash.digest('hex') };
  }
}
