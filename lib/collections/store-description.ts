/** What tools see of what maps and lists have in common, from a copy of an object's words. */

import { queued, sleepers, type Wait } from '../memory/activity.js';
import type { Looked } from '../memory/directory.js';
import { ROOT_BYTES, STORE } from './store-layout.js';

/** The roots: payload words at fixed places; 0 where the file is too short. */
export function rootsOf({ payload }: Looked): (index: number) => number {
  const bytes = payload(0, ROOT_BYTES);
  return (index) => (bytes.length >= 4 * index + 4 ? bytes.readUInt32LE(4 * index) : 0);
}

export function storeWaits(words: Int32Array): Wait[] {
  return [...queued(words, STORE.LOCK), ...sleepers(words, STORE.CHANGED, 'change')];
}
