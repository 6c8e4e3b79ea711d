/**
 * A word to sleep on where what is awaited lies elsewhere and has no spare bit (DESIGN.md §5, Dekker's order): who
 * changes it looks at the sleep word afterwards; who waits marks the sleep word and then looks again. One of them sees
 * the other.
 */

import { native } from '../native/load.js';
import type { WordAt } from './blocking.js';

/** Bit 0: somebody sleeps until the next change. The bits above count changes that woke somebody. */
const ASLEEP = 1;

export class SleepWord {
  readonly #words: Int32Array;
  readonly #index: number;

  constructor(words: Int32Array, index: number) {
    this.#words = words;
    this.#index = index;
  }

  /** Whether somebody sleeps, or is about to; as `changed`, after the change. */
  get marked(): boolean {
    return (Atomics.load(this.#words, this.#index) & ASLEEP) !== 0;
  }

  /** After every change: wakes those who sleep until one. Whether anybody did. */
  changed(): boolean {
    // Pairs with arm(): the change was stored before this load, and the mark is set before the waiter looks again.
    const found = Atomics.load(this.#words, this.#index);
    return (found & ASLEEP) !== 0 && this.#wake();
  }

  #wake(): boolean {
    const found = Atomics.load(this.#words, this.#index);
    if ((found & ASLEEP) === 0) return false; // another one wakes them
    // Pairs with arm(): the new count ends the sleep of everybody who saw the old one. If we die before the wake-up,
    // sleepers look again within a second.
    if (Atomics.compareExchange(this.#words, this.#index, found, (found + 1) | 0) !== found) return false;
    native.futexWake(this.#words, this.#index);
    return true;
  }

  /** Marks the word; undefined if it moved meanwhile. The caller looks once more before it sleeps. */
  arm(): WordAt | undefined {
    const words = this.#words;
    const index = this.#index;
    const found = Atomics.load(words, index);
    const expected = found | ASLEEP;
    // Pairs with changed(): the caller looks again after this.
    if (found !== expected && Atomics.compareExchange(words, index, found, expected) !== found)
      return undefined;
    return { words, index, expected };
  }
}
