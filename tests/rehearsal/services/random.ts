import { randomBytes } from 'node:crypto';

import type { Kinds, ResourceKind } from '../kind';

const RANDOM_ID: ResourceKind = {
  replaces: [],
  create(_clients, { byteLength }) {
    const bytes = randomBytes(Number(byteLength));
    const [hex, b64Url, b64Std] = [bytes.toString('hex'), bytes.toString('base64url'), bytes.toString('base64')];
    const dec = BigInt(`0x${hex}`).toString();
    return Promise.resolve({ id: b64Url, once: { b64Std, b64Url, dec, hex } });
  },
  read: (_clients, _id, known) => Promise.resolve(known),
  delete: () => Promise.resolve(),
};

export const random: Kinds = { 'random:index/randomId:RandomId': RANDOM_ID };
