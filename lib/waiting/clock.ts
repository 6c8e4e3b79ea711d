/** Deadlines on the monotonic clock: setting the system's clock changes no wait. */

import { isMainThread } from 'node:worker_threads';
import { TimeoutError } from '../errors.js';

/** Milliseconds on a clock that only goes forward. */
export const now: () => number = performance.now.bind(performance);

/** The instant `timeout` ms from now (`Infinity` for ever). */
export function deadlineAfter(timeout: number): number {
  return now() + timeout;
}

/**
 * No sleep in the kernel is longer, in ms: no wake-up is trusted to arrive, and signals and `worker.terminate()` must
 * get through to a thread that waits in a Sync form. Workers look more often, because terminate() waits for them.
 */
export const LONGEST_SLEEP = isMainThread ? 1000 : 100;

/** Node's timers take at most this many ms. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Calls back once, at an instant that `deadlineAfter` gave. The process does not stay for it. */
export class Alarm {
  readonly #deadline: number;
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(deadline: number, ring: () => void) {
    this.#deadline = deadline;
    this.#ring = ring;
    this.#start();
  }

  #start(): void {
    const left = Math.max(1, Math.ceil(this.#deadline - now()));
    const look = (): void => (now() < this.#deadline ? this.#start() : this.#ring());
    this.#timer = setTimeout(look, Math.min(left, LONGEST_TIMER));
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** The error of a wait whose time is over. `what`: "'/jobs': no message". */
export function timedOut(what: string, timeout: number): TimeoutError {
  return new TimeoutError(`${what} within ${timeout} ms`);
}
