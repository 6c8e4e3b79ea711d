/**
 * The waits of one direction of a handle (its puts, its gets): promise forms stand in a line, Sync forms take their turn
 * behind them, and no promise form keeps the event loop from turning.
 */

import { type Blocking, ELSEWHERE, PENDING } from './blocking.js';
import { now } from './clock.js';
import { Line } from './line.js';
import { AdaptiveSpin, SYNC_LOOKS } from './spin.js';
import { blockSync } from './sync.js';

export class Turns {
  readonly #line = new Line();
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);

  /** Serves promise forms that wait; true when none is left in front of the caller. */
  served(): boolean {
    if (this.#line.idle) return true;
    this.#line.advance();
    return this.#line.idle;
  }

  /** The Sync form: see blockSync. */
  blockSync<R>(operation: Blocking<R>, timeout: number, what: string): R {
    const inTurn: Blocking<R> = {
      attempt: () => (this.served() ? operation.attempt() : PENDING),
      arm: () => {
        const point = this.#line.ask();
        // Whoever stands in front must get on first: so we sleep on what that one waits for.
        return this.#line.idle || point === ELSEWHERE ? operation.arm() : point;
      },
    };
    return blockSync(inTurn, this.#spin, timeout, what);
  }

  /** The promise form: done at once if it can be and it is its turn, otherwise when its turn has come. */
  async wait<R>(
    operation: Blocking<R>,
    timeout: number,
    signal: AbortSignal | undefined,
    what: string,
  ): Promise<R> {
    signal?.throwIfAborted();
    if (this.mayTry(timeout)) {
      const result = operation.attempt();
      if (result !== PENDING) return result;
    }
    return this.#line.wait(operation, timeout, signal, what);
  }

  /** Whether a promise form may be tried at once: nobody waits in front of it, and the event loop has turned lately. */
  mayTry(timeout: number): boolean {
    return timeout === 0 ? this.served() : this.#line.idle && !overdue();
  }

  /** What was in the way is gone: looks again. */
  wake(): void {
    this.#line.wake();
  }

  /** Whether pending promise forms keep the process alive. */
  get keepsAlive(): boolean {
    return this.#line.keepsAlive;
  }

  set keepsAlive(value: boolean) {
    this.#line.keepsAlive = value;
  }

  /** Ends every pending wait with an error. */
  failAll(makeError: () => Error): void {
    this.#line.failAll(makeError);
  }
}

/** ms for which promise forms may be done at once, one after the other, before the event loop must have turned. */
const LONGEST_TURN = 4;
/** So many are done between two looks at the clock. */
const LOOK_EVERY = 32;

/** When the first of this turn of the event loop was done at once; -1: none was. */
let began = -1;
let done = 0;
let late = false;
const turned = (): void => {
  began = -1;
  late = false;
};

/**
 * A loop that awaits what is always there (a fast producer's messages) never lets the event loop turn: promises that are
 * settled at once come before timers and input. True when it is high time.
 */
export function overdue(): boolean {
  if (late) return true;
  if (began < 0) {
    began = now();
    done = 0;
    setImmediate(turned).unref();
    return false;
  }
  if (++done % LOOK_EVERY === 0) late = now() - began > LONGEST_TURN;
  return late;
}
