'use strict';
/** Uploads a backup until it is killed: `node uploader.cjs DIST ENDPOINT BUCKET STACK FOLDER`. Says `begun` when the first bytes have arrived. */
const { join } = require('node:path');
const { readFileSync } = require('node:fs');

const [dist, endpoint, bucket, stack, folder] = process.argv.slice(2);
const { openStore } = require(join(dist, 'postgres/backup/s3/store.js'));

async function main() {
  const store = await openStore({ bucket, endpoint, concurrency: 4, partSizeBytes: 5 * 1024 * 1024 }, stack);
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  const progress = () => process.stdout.write('begun\n');
  await store.upload(folder, manifest, { progress });
  process.stdout.write('done\n');
}

main().then(
  () => process.exit(0),
  () => process.exit(1),
);
