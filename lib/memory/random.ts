/** Random numbers without node:crypto, which takes milliseconds to load. */

import { native } from '../native/load.js';

/** 128 random bits as 32 digits. */
export function randomHex(): string {
  const bytes = Buffer.alloc(16);
  native.random(bytes);
  return bytes.toString('hex');
}
