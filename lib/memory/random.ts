/** Random numbers without node:crypto, which takes milliseconds to load. */

import { native } from '../native/load.js';

function randomBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  native.random(bytes);
  return bytes;
}

/** 128 random bits as 32 digits. */
export function randomHex(): string {
  return randomBytes(16).toString('hex');
}

/** Any 32-bit integer. */
export function randomInt32(): number {
  return randomBytes(4).readInt32LE(0);
}
