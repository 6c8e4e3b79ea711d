/**
 * Fairness. Whoever releases is still awake and would win every race against those it has just woken. So, at most once in
 * so many ms, it leaves what it released to them for a moment (until somebody has taken it, at most so many ms). Private
 * to the environment: nothing to repair.
 */

import { now } from '../waiting/clock.js';

const HOLD_OFF_EVERY = 5;
/** ms */
export const HOLD_OFF = 1;

export class HoldOff {
  #until = 0;
  #last = 0;

  /** Somebody who slept has been woken. */
  start(): void {
    const time = now();
    if (time - this.#last < HOLD_OFF_EVERY) return;
    this.#last = time;
    this.#until = time + HOLD_OFF;
  }

  /** Somebody has taken it. */
  end(): void {
    this.#until = 0;
  }

  /** True while it is left to the others. */
  get active(): boolean {
    if (this.#until === 0) return false;
    if (now() < this.#until) return true;
    this.#until = 0;
    return false;
  }
}
