/** The Sync form of every wait: spin briefly, then sleep in the kernel in slices. */

import { UNWATCHED_SLICE } from '../memory/roster.js';
import { native } from '../native/load.js';
import { type Blocking, PENDING, type WaitPoint } from './blocking.js';
import { deadlineAfter, LONGEST_SLEEP, now, timedOut } from './clock.js';
import { type AdaptiveSpin, spinOn } from './spin.js';

/**
 * Runs an operation to its end, blocking this thread.
 *
 * @param timeout ms, checked; 0 tries once
 * @param what begins the TimeoutError's message, for example "'/jobs': no message"
 */
export function blockSync<T>(operation: Blocking<T>, spin: AdaptiveSpin, timeout: number, what: string): T {
  let result = operation.attempt();
  if (result !== PENDING) return result;
  if (timeout === 0) throw timedOut(what, timeout);
  const deadline = timeout === Number.POSITIVE_INFINITY ? timeout : deadlineAfter(timeout);

  const looks = spin.budget();
  for (let look = 1; look <= looks; look++) {
    result = operation.attempt();
    if (result !== PENDING) {
      spin.hit(look);
      return result;
    }
    if (!spinOn(look)) break;
  }
  spin.miss();

  for (;;) {
    const point = operation.arm();
    // Looked at again after the announcement: whoever changes the state from here on sees that somebody sleeps.
    result = operation.attempt();
    if (result !== PENDING) return result;
    const left = deadline === Number.POSITIVE_INFINITY ? deadline : deadline - now();
    if (left <= 0) throw timedOut(what, timeout);
    if (point !== undefined) sleep(point, Math.min(left, LONGEST_SLEEP));
  }
}

function sleep({ words, index, expected, marks, slice = LONGEST_SLEEP }: WaitPoint, most: number): void {
  if (marks === undefined) {
    native.futexWait(words, index, expected, Math.min(most, slice));
  } else if (native.hasWaitv) {
    native.futexWaitWithMarks(words, index, expected, marks.words, marks.pairs, Math.min(most, slice));
  } else {
    native.futexWait(words, index, expected, Math.min(most, UNWATCHED_SLICE)); // marks are looked at after each
  }
}
