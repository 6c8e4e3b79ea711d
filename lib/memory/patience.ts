/** Trying again while a name changes under our feet: somebody removes it, or was put to sleep while doing so. */

/** ms after which the name counts as busy. */
const PATIENCE = 5000;
/** Rounds that are taken at once; after them each waits a little, so that whoever is changing the name gets on with it. */
const AT_ONCE = 10;

/** Private memory that nobody wakes: a short sleep. */
const pause = new Int32Array(new SharedArrayBuffer(4));

/** Sleeps for a moment (ms), blocking this thread. */
export function sleepBriefly(milliseconds: number): void {
  Atomics.wait(pause, 0, 0, milliseconds);
}

/** One round after another until the patience is over. */
export function* rounds(): Generator<void, void, undefined> {
  const deadline = performance.now() + PATIENCE;
  for (let round = 0; performance.now() < deadline; round++) {
    if (round > AT_ONCE) sleepBriefly(0.5);
    yield;
  }
}
