/** What tools see of the part that maps and lists have in common. */

import { queued, sleepers, type Wait } from '../memory/activity.js';
import { STORE } from './store-layout.js';

export function storeWaits(words: Int32Array): Wait[] {
  return [...queued(words, STORE.LOCK), ...sleepers(words, STORE.CHANGED, 'change')];
}
