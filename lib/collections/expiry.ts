/** The clock that all processes of a machine share: CLOCK_MONOTONIC, in ms. It does not jump, and stops while the machine sleeps. */

const OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();

export function sharedNow(): number {
  return performance.now() + OFFSET;
}
