/** Waiting for a value to change, where every bit of it is data: see waiting/sleep-word.ts. */

import { checkSyncWait, checkWait, type SyncWaitOptions, type WaitOptions } from '../options.js';
import { type Blocking, PENDING, type WordAt } from '../waiting/blocking.js';
import { Line } from '../waiting/line.js';
import { SleepWord } from '../waiting/sleep-word.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { WATCH } from './watch-layout.js';

/** Told by every writer, asked by every waiter of one object. */
export class Watch {
  readonly #sleep: SleepWord;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #lines = new Set<Line>();
  #keepsAlive = true;

  /** `sleep`: the index of the sleep word that writers tell. */
  constructor(words: Int32Array, sleep: number = WATCH.SLEEP) {
    this.#sleep = new SleepWord(words, sleep);
  }

  /** After every atomic write: wakes those who sleep until a change. */
  changed(): void {
    this.#sleep.changed();
  }

  /** Announces that somebody sleeps until a change; undefined: look again. */
  arm(): WordAt | undefined {
    return this.#sleep.arm();
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

  get keepsAlive(): boolean {
    return this.#keepsAlive;
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
