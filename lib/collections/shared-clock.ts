/** The clock that all processes of a machine share: CLOCK_MONOTONIC, in ms. It does not jump, and stops while the machine sleeps. */

/**
 * How far `performance.now()` is behind that clock: of several comparisons the one that took least time, since a process may
 * be stopped between two looks, and the first look of all loads a module. Processes would disagree by all of that.
 */
function offset(): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20; look++) {
    const before = performance.now();
    const shared = Number(process.hrtime.bigint()) / 1e6;
    const took = performance.now() - before;
    if (took >= least) continue;
    least = took;
    best = shared - before - took / 2;
  }
  return best;
}

const OFFSET = offset();

export function sharedNow(): number {
  return performance.now() + OFFSET;
}
