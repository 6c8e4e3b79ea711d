/**
 * Fairness. Whoever releases is still awake and would win every race against those it has just woken. So, at most once in
 * so many ms, it leaves what it released to them for a moment (until somebody has taken it, at most so many ms). Private
 * to the environment: nothing to repair.
 */

import { now } from '../waiting/clock.js';
import { giveWay } from '../waiting/spin.js';

const HOLD_OFF_EVERY = 5;
/** ms */
export const HOLD_OFF = 1;

/** ms after which nobody spins who was seen to want it. */
const WANTED = 0.5;

export class HoldOff {
  #until = 0;
  #last = 0;
  /** We were the last to release it. */
  #ours = false;
  /** Another one had it when we wanted it. */
  #contended = false;
  #wantedUntil = 0;

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
    this.#contended = true;
  }

  /** It is free again. */
  released(): void {
    this.#ours = true;
  }

  /**
   * Before a Sync form takes it again: another one who wants it may be spinning, and loses every race, being far away or on
   * this very processor. Giving way takes as long as it takes to see from elsewhere that it is free.
   */
  giveTurn(): void {
    if (!this.#ours) return;
    this.#ours = false;
    if (!this.#contended && this.#wantedUntil === 0) return;
    const time = now();
    if (this.#contended) this.#wantedUntil = time + WANTED;
    this.#contended = false;
    if (time > this.#wantedUntil) this.#wantedUntil = 0;
    else giveWay();
  }

  /** True while it is left to the others. */
  get active(): boolean {
    if (this.#until === 0) return false;
    if (now() < this.#until) return true;
    this.#until = 0;
    return false;
  }
}
