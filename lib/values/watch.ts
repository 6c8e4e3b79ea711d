/**
 * Waiting for a value to change where every bit of it is data (DESIGN.md §5, Dekker's order): the writer stores the
 * value and then looks at the sleep word; the waiter marks the sleep word and then looks at the value. One of them
 * sees the other.
 */

import { native } from '../native/load.js';
import { checkSyncWait, checkWait, type SyncWaitOptions, type WaitOptions } from '../options.js';
import { type Blocking, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { Line } from '../waiting/line.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { WATCH } from './watch-layout.js';

const ASLEEP = 1;

/** Told by every writer, asked by every waiter of one object. */
export class Watch {
  readonly #words: Int32Array;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #lines = new Set<Line>();
  #keepsAlive = true;

  constructor(words: Int32Array) {
    this.#words = words;
  }

  /** After every atomic write: wakes those who sleep until a change. */
  changed(): void {
    // Pairs with arm(): the value was stored before this load, and the mark is set before the value is read again.
    if ((Atomics.load(this.#words, WATCH.SLEEP) & ASLEEP) !== 0) this.#wake();
  }

  #wake(): void {
    const found = Atomics.load(this.#words, WATCH.SLEEP);
    if ((found & ASLEEP) === 0) return; // another writer wakes them
    // Pairs with arm(): the new count ends the sleep of everybody who saw the old one. If we die before the wake-up,
    // sleepers look again within a second.
    if (Atomics.compareExchange(this.#words, WATCH.SLEEP, found, (found + 1) | 0) === found) {
      native.futexWake(this.#words, WATCH.SLEEP);
    }
  }

  /** Marks the sleep word. */
  arm(): WaitPoint | undefined {
    const words = this.#words;
    const found = Atomics.load(words, WATCH.SLEEP);
    const expected = found | ASLEEP;
    // Pairs with changed(): the caller reads the value again after this.
    if (found !== expected && Atomics.compareExchange(words, WATCH.SLEEP, found, expected) !== found)
      return undefined;
    return { words, index: WATCH.SLEEP, expected };
  }

  #operation<T>(read: () => T, accepts: (value: T) => boolean): Blocking<T> {
    return {
      attempt: () => {
        const value = read();
        return accepts(value) ? value : PENDING;
      },
      arm: () => this.arm(),
    };
  }

  waitSync<T>(
    read: () => T,
    accepts: (value: T) => boolean,
    wait: SyncWaitOptions | undefined,
    what: string,
  ): T {
    return blockSync(this.#operation(read, accepts), this.#spin, checkSyncWait(wait), what);
  }

  async wait<T>(
    read: () => T,
    accepts: (value: T) => boolean,
    wait: WaitOptions | undefined,
    what: string,
  ): Promise<T> {
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    const operation = this.#operation(read, accepts);
    const value = operation.attempt();
    if (value !== PENDING) return value;
    // A line for each: what one predicate waits for must not hold up another.
    const line = new Line();
    line.keepsAlive = this.#keepsAlive;
    this.#lines.add(line);
    try {
      return await line.wait(operation, timeout, signal, what);
    } finally {
      this.#lines.delete(line);
    }
  }

  set keepsAlive(value: boolean) {
    this.#keepsAlive = value;
    for (const line of this.#lines) line.keepsAlive = value;
  }

  /** Ends all pending promise forms. */
  failAll(makeError: () => Error): void {
    for (const line of [...this.#lines]) line.failAll(makeError);
  }
}
