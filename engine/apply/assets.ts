import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';

import { isMap } from '../protocol/wire';
import { SIGNATURE } from '../state/properties';
import type { PropertyMap, PropertyValue } from '../state/values';

/** Pulumi's marks (sdk/go/common/resource/sig) of a file or text, and of several together. */
export const ASSET = 'c44067f5952c0a294b673a41bacd8c17';
export const ARCHIVE = '0def7320c3a5731c473e5ecbe6d01bc7';

/** Assets with the hash that Pulumi stores, so that changed content is a change. `folder`: from where paths count. */
export function withHashes(inputs: PropertyMap, folder: string): PropertyMap {
  return hashed(inputs, folder) as PropertyMap;
}

function hashed(value: PropertyValue, folder: string): PropertyValue {
  if (Array.isArray(value)) return value.map((entry) => hashed(entry, folder));
  if (!isMap(value)) return value;
  if (value[SIGNATURE] === ASSET) return { ...value, hash: sha256(assetBytes(value, folder)) };
  const inner = Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, hashed(entry, folder)]));
  if (value[SIGNATURE] !== ARCHIVE) return inner;
  return { ...inner, hash: sha256('assets' in value ? tarOf(assetsOf(value, folder)) : assetBytes(value, folder)) };
}

/** What stands for an asset where people read: its content's hash, and never where a file lies on this machine. Undefined for what is none. */
export function assetShown(value: Readonly<Record<string, unknown>>): unknown {
  const { assets } = value as PropertyMap;
  if (value[SIGNATURE] === ARCHIVE && isMap(assets)) {
    const files = Object.entries(assets).map(([name, asset]) => [name, isMap(asset) ? assetShown(asset) : '']);
    return Object.fromEntries(files) as unknown;
  }
  if (value[SIGNATURE] !== ASSET && value[SIGNATURE] !== ARCHIVE) return undefined;
  const { hash } = value;
  return `sha256:${typeof hash === 'string' ? hash : sha256(assetBytes(value, '/'))}`;
}

/** What an asset, or an archive that is one file, holds. */
export function assetBytes(asset: Readonly<Record<string, unknown>>, folder: string): Buffer {
  const { text, path } = asset;
  if (typeof text === 'string') return Buffer.from(text);
  if (typeof path !== 'string' || statSync(resolve(folder, path)).isDirectory())
    throw new Error(`The embedded engine knows assets of text and files, not ${JSON.stringify(asset)}.`);
  return readFileSync(resolve(folder, path));
}

/** The files of an archive by name, in the order of the names. */
export function assetsOf(archive: Readonly<Record<string, unknown>>, folder: string): [string, Buffer][] {
  const entries = Object.entries(archive['assets'] as Record<string, Record<string, unknown>>);
  return entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, asset]) => [name, assetBytes(asset, folder)] as [string, Buffer]);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const BLOCK = 512;

/** The tar by whose hash Pulumi knows an archive: as Go's archive/tar writes it (USTAR, mode 0600, no times or owners). */
function tarOf(files: readonly [string, Buffer][]): Buffer {
  const blocks = files.flatMap(([name, bytes]) => [
    tarHeader(name, bytes.length),
    bytes,
    Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK),
  ]);
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number): number =>
    header.write(value.toString(8).padStart(digits, '0'), at);
  header.write(name, 0);
  octal(0o600, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  header.write('        0', 148);
  header.write('ustar\u000000', 257, 'latin1');
  octal(0, 329, 7);
  octal(0, 337, 7);
  octal(
    header.reduce((sum, byte) => sum + byte),
    148,
    6,
  );
  header.write('\u0000 ', 154, 'latin1');
  return header;
}
