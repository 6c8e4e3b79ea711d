/**
 * Fairness. Whoever releases is still awake and would win every race against those it has just woken. So, at most once in
 * so many ms, it leaves what it released to them for a moment (until somebody has taken it, at most so many ms). Private
 * to the environment: nothing to repair.
 */

import { now } from '../waiting/clock.js';

const HOLD_OFF_EVERY = 5;
/** ms */
export const HOLD_OFF = 1;

/** ms for which it is left, every time, to those who spin: time enough to see that it is free, and to take it. */
const SPINNERS_TURN = 0.0005;
/** ms after which nobody spins who was seen to want it. */
const WANTED = 0.5;

export class HoldOff {
  #until = 0;
  #last = 0;
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

  /** For those held briefly. At every release: who wants it too may be spinning, and loses every race, being far away. */
  giveTurn(): void {
    if (!this.#contended && this.#wantedUntil === 0) return;
    const time = now();
    if (this.#contended) this.#wantedUntil = time + WANTED;
    this.#contended = false;
    if (time > this.#wantedUntil) this.#wantedUntil = 0;
    else if (this.#until === 0) this.#until = time + SPINNERS_TURN;
  }

  /** True while it is left to the others. */
  get active(): boolean {
    if (this.#until === 0) return false;
    if (now() < this.#until) return true;
    this.#until = 0;
    return false;
  }
}
