/** Waiting for a value to change, where every bit of it is data: see waiting/sleep-word.ts. */

import { checkSyncWait, checkWait, type SyncWaitOptions, type WaitOptions } from '../options.js';
import { type Blocking, PENDING, type WordAt } from '../waiting/blocking.js';
import { SeparateLines } from '../waiting/separate-lines.js';
import { SleepWord } from '../waiting/sleep-word.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { WATCH } from './watch-layout.js';

/** Told by every writer, asked by every waiter of one object. */
export class Watch {
  readonly #sleep: SleepWord;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  /** What one predicate waits for must not hold up another. */
  readonly #lines = new SeparateLines();

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

  /** For async functions: what is wrong at once is thrown. */
  wait<T>(
    read: () => T,
    accepts: (value: T) => boolean,
    wait: WaitOptions | undefined,
    what: string,
  ): Promise<T> {
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    return this.#lines.wait(this.#operation(read, accepts), timeout, signal, what);
  }

  get keepsAlive(): boolean {
    return this.#lines.keepsAlive;
  }

  set keepsAlive(value: boolean) {
    this.#lines.keepsAlive = value;
  }

  /** Ends all pending promise forms. */
  failAll(makeError: () => Error): void {
    this.#lines.failAll(makeError);
  }
}
