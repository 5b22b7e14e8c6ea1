import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/** An SQLite database, written by `npm run sample`. */
export const SAMPLE_FILE = join('app', 'sample', 'coach.db.br');

/** Keys are random, and each stands in a table and in an index: the window has to reach from one to the other. */
export const compressSample = (database: Buffer): Buffer =>
  brotliCompressSync(database, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    },
  });

export const decompressSample = (compressed: Buffer): Buffer => brotliDecompressSync(compressed);
