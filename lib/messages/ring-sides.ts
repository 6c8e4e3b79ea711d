/** What the producer's half of a ring (ring-writer.ts) and the consumer's (ring-reader.ts) have in common. */

import { ClosedError } from '../errors.js';
import { native } from '../native/load.js';
import { SLEEPS } from './ring-layout.js';

/** Wakes the other side if it sleeps until our position, the word at `index`, moves: so from now on it watches us. */
export function introduce(words: Int32Array, index: number): void {
  const found = Atomics.load(words, index);
  if ((found & SLEEPS) === 0) return;
  // The word changes, so that one who is just falling asleep looks again, too. Pairs with arm; nobody else writes more
  // than the flag, so there is nothing to do if it fails.
  Atomics.compareExchange(words, index, found, found & ~SLEEPS);
  native.futexWake(words, index);
}

export function movedAway(path: string): ClosedError {
  return new ClosedError(
    `the ring of '${path}' was transferred away (peek() and reserve() give views of it; copy, do not transfer); open it again`,
  );
}
