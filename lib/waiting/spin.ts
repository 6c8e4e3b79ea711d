/** Looking again before going to sleep: how long, and without keeping the processor from the one that is waited for. */

import { native } from '../native/load.js';
import { now } from './clock.js';

/**
 * How long it is worth looking again before going to sleep: long in a busy conversation, hardly at all when idle.
 *
 * After folly's TurnSequencer: a look that succeeds moves the limit towards twice what it took; one that fails halves
 * it; now and then a longer look finds out whether the conversation has become busy again.
 */
export class AdaptiveSpin {
  readonly #least: number;
  readonly #most: number;
  #limit: number;
  #sinceProbe = 0;

  /** Bounds in looks: Sync forms look at the word, promise forms at the word once a turn of the event loop. */
  constructor(least: number, most: number) {
    this.#least = least;
    this.#most = most;
    this.#limit = most;
  }

  /** How many looks to take this time. */
  budget(): number {
    if (++this.#sinceProbe < PROBE_EVERY) return this.#limit;
    this.#sinceProbe = 0;
    return this.#most;
  }

  /** It succeeded at the n-th look. */
  hit(looks: number): void {
    const target = Math.min(this.#most, Math.max(this.#least, 2 * looks));
    this.#limit += Math.ceil((target - this.#limit) / 8);
    if (this.#limit < looks) this.#limit = target; // a probe found something beyond the limit
  }

  /** All looks were in vain: the sleep it was. */
  miss(): void {
    this.#limit = Math.max(this.#least, this.#limit >> 1);
  }
}

const PROBE_EVERY = 16;

/** Looks of a Sync form: a look costs 10 to 50 ns. */
export const SYNC_LOOKS = { least: 50, most: 4000 } as const;
/** Looks of a promise form: a turn of an idle event loop costs some µs. */
export const TURN_LOOKS = { least: 1, most: 60 } as const;

/** ms until a Sync form first gives way (little while others want this processor), and then between two times. */
const LEAST_FIRST = 0.0005;
const MOST_FIRST = 0.006;
const BETWEEN = 0.002;
/** Looks between two looks at the clock. */
const LOOKS_A_CLOCK = 8;
let first = MOST_FIRST;
let nextYield = 0;
/** ms after which it is a sleep: about what falling asleep and being woken on another processor may cost. */
const LONGEST_SPIN = 0.1;

/**
 * After the n-th look of a Sync form in vain: whether to look again at once. Gives way now and then. The kernel likes to
 * put two processes that wake each other on one processor; there the one that spins keeps away the one it waits for.
 */
export function spinOn(look: number): boolean {
  if (look === 1) {
    began = now();
    nextYield = began + first;
  }
  if (look % LOOKS_A_CLOCK !== 0) return true;
  const at = now(); // looks tell no time: they take twenty times as long before V8 has compiled them
  if (at < nextYield) return true;
  nextYield = at + BETWEEN;
  return lookAgain();
}

/** The same for the n-th turn of the event loop of a promise form. */
export function turnOn(turn: number): boolean {
  if (turn === 1) began = now();
  return lookAgain();
}

/** When the present spell began. Two that overlap make it longer, not endless: looks are counted, too. */
let began = 0;
/** When we last gave way, and the ms between two times: many waits of one event loop look in the same turn. */
let gaveWay = 0;
const SHORTEST_STRIDE = 0.001;

/** ns: nobody else wanted this processor. */
const SHORT_YIELD = 2000;
/** ns: a yield that took longer went to one who works, and not to one who answers. */
const LONG_YIELD = 200_000;
/**
 * ms that such yields have cost, less a fiftieth of the time since. Beyond so much nobody here yields; a single one may
 * take longer, as long as the scheduler thinks that others should run.
 */
let lost = 0;
const MOST_LOST = 4;
const FORGIVEN = 0.02;

/** Whether there is time left to look again. */
function lookAgain(): boolean {
  if (now() - began > LONGEST_SPIN) return false;
  giveWay(); // however long it took: one more look
  return true;
}

/** Others who want this processor have it first, unless that has cost too much lately. */
export function giveWay(): void {
  const at = now();
  if (at - gaveWay < SHORTEST_STRIDE) return;
  lost = Math.max(0, lost - (at - gaveWay) * FORGIVEN);
  gaveWay = at;
  if (lost > MOST_LOST) return;
  const took = native.giveWay();
  first = took < SHORT_YIELD ? Math.min(MOST_FIRST, first * 2) : Math.max(LEAST_FIRST, first / 2);
  if (took > LONG_YIELD) lost += took / 1e6;
}
