/** The putting side of a Queue: see queue-core.ts. */

import { PENDING, type WaitPoint } from '../waiting/blocking.js';
import type { SleepWord } from '../waiting/sleep-word.js';
import type { Written } from './message.js';
import type { QueueBlocks } from './queue-blocks.js';
import type { QueueCore } from './queue-core.js';
import { COUNT_STEP, ENDED, NO_BLOCK, OTHER, QUEUE } from './queue-layout.js';

/** When so many bytes have been copied, others may have the lock. */
export const MOST_BYTES = 256 * 1024;

export class QueuePuts {
  readonly #core: QueueCore;
  readonly #words: Int32Array;
  readonly #blocks: QueueBlocks;
  readonly #arrived: SleepWord;
  readonly #room: SleepWord;

  constructor(core: QueueCore) {
    this.#core = core;
    this.#words = core.words;
    this.#blocks = core.blocks;
    this.#arrived = core.arrived;
    this.#room = core.room;
  }

  /** Puts messages from the `from`-th on, as many as there is room for, and makes them visible together; how many. */
  put(messages: readonly Written[], from: number, most: number): number | typeof PENDING {
    if (!this.#core.enter(this.#core.putLock)) return PENDING;
    let done: number | undefined;
    try {
      done = this.#putSome(messages, from, most);
    } finally {
      this.#core.leave(this.#core.putLock, done !== undefined);
    }
    if (done > 0) this.#arrived.changed();
    return done;
  }

  #putSome(messages: readonly Written[], from: number, most: number): number {
    const puts = this.#core.puts;
    if ((puts & ENDED) !== 0) return 0;
    const slot = (puts & OTHER) >> 1;
    const { maxItems } = this.#core;
    // TAKEN is on those who get's line: looked at only where their number counts.
    const allowed =
      maxItems === Number.POSITIVE_INFINITY ? most : maxItems - this.#core.between(puts, this.#core.taken);
    const free = Math.min(most, messages.length - from, allowed);
    const end = Atomics.load(this.#words, QUEUE.FREE_END); // pairs with QueueTakes.#append: all blocks before it are linked
    let tail = this.#blocks.check(this.#words[QUEUE.TAILS + slot]!);
    let done = 0;
    for (let copied = 0; done < free && copied < MOST_BYTES; ) {
      const { bytes, start, end: to, type } = messages[from + done]!;
      const after = this.#blocks.write(tail, end, bytes, start, to, type);
      if (after === NO_BLOCK) break;
      copied += to - start;
      tail = after;
      done++;
    }
    if (done === 0) return 0;
    this.#words[QUEUE.TAILS + (slot ^ 1)] = tail;
    const after = ((puts + done * COUNT_STEP) ^ OTHER) | 0;
    // Publishes: pairs with QueueCore.puts. It fails if somebody has ended the queue meanwhile: then nothing was put.
    if (Atomics.compareExchange(this.#words, QUEUE.PUTS, puts, after) !== puts) return 0;
    return done;
  }

  /** Announces that somebody sleeps until there is room. The caller tries once more. */
  armPut(): WaitPoint | undefined {
    return this.#room.arm(); // pairs with QueueCore.freed
  }

  /** That attempt told nothing, for somebody has the lock: whoever is about to sleep until there is room looks again. */
  disturbPuts(): void {
    this.#room.changed();
  }
}
