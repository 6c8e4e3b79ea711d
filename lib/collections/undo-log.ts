/**
 * The undo log: what every word was before the change that is under way. Whoever gets the lock after a death puts it all
 * back; whoever finishes a change forgets it, with one store, which is the moment at which the change is made.
 *
 * Before a word of a structure or of the heap is changed, `save` notes it here. Words that nobody can reach yet (a block
 * that was just allocated) need no note. Source: physical undo logging, as in J. Gray and A. Reuter, Transaction
 * Processing (1993), chapter 10; the death of a process loses no stores, so nothing has to be flushed.
 */

import { type CorruptError, damaged, FullError } from '../errors.js';
import { PAGE_BYTES, RECORD_TAIL, STORE } from './store-layout.js';

/** Up to so many words a loop is faster than a bulk copy. */
const SMALL = 64;
/** The log's pages grow by this, or by what is needed. */
const STEP_BYTES = 16 * PAGE_BYTES;

export class UndoLog {
  readonly #path: string;
  readonly #words: Int32Array;
  readonly #memory: Int32Array;
  /** The log's place in memory, as word indexes, and where memory ends. */
  readonly #start: number;
  readonly #most: number;
  /** Backs bytes of the payload with pages, or throws. */
  readonly #reserve: (offset: number, bytes: number) => void;

  constructor(
    path: string,
    words: Int32Array,
    memory: Int32Array,
    start: number,
    end: number,
    reserve: (offset: number, bytes: number) => void,
  ) {
    this.#path = path;
    this.#words = words;
    this.#memory = memory;
    this.#start = start;
    this.#most = end - start;
    this.#reserve = reserve;
  }

  /** True while a change is under way, or one was broken off. */
  get dirty(): boolean {
    return this.#words[STORE.LOG_LENGTH] !== 0;
  }

  /** Notes `count` words from `index` on. From here on they may be changed. */
  save(index: number, count: number): void {
    const memory = this.#memory;
    const length = this.#words[STORE.LOG_LENGTH]!;
    const after = length + count + RECORD_TAIL;
    if (!(length >= 0 && after <= this.#words[STORE.LOG_ROOM]!)) this.#makeRoom(length, after);
    let at = this.#start + length;
    if (count <= SMALL) {
      for (let i = 0; i < count; i++) memory[at++] = memory[index + i]!;
    } else {
      memory.copyWithin(at, index, index + count);
      at += count;
    }
    memory[at] = index;
    memory[at + 1] = count;
    // Publishes the record: pairs with rollback, by this thread or by who gets the lock after our death.
    Atomics.store(this.#words, STORE.LOG_LENGTH, after);
  }

  /** Notes one word and changes it. */
  write(index: number, value: number): void {
    this.save(index, 1);
    this.#memory[index] = value;
  }

  #makeRoom(length: number, after: number): void {
    const room = this.#words[STORE.LOG_ROOM]!;
    if (!(length >= 0 && length <= room && room >= 0 && room <= this.#most))
      throw this.#corrupt('its length');
    if (after > this.#most) {
      throw new FullError(
        `'${this.#path}': the change is too large to be undone if this process dies (${this.#most * 4} bytes of undo log); make it in parts, or create the object with a larger maxBytes`,
      );
    }
    const wanted = Math.min(this.#most, Math.max(room + STEP_BYTES / 4, after + STEP_BYTES / 4));
    this.#reserve((this.#start + room) * 4, (wanted - room) * 4);
    this.#words[STORE.LOG_ROOM] = wanted; // if we die before it, the next one reserves them again
  }

  /** The change is made: nothing of it will be undone. */
  commit(): void {
    Atomics.store(this.#words, STORE.LOG_LENGTH, 0); // pairs with rollback after our death
  }

  /** Puts everything back as it was before the change. If we die on the way, the next one begins again. */
  rollback(): void {
    const memory = this.#memory;
    const start = this.#start;
    let length = this.#words[STORE.LOG_LENGTH]!;
    const room = this.#words[STORE.LOG_ROOM]!;
    if (!(length >= 0 && length <= room && room <= this.#most)) {
      this.commit();
      throw this.#corrupt('its length');
    }
    while (length > 0) {
      const index = memory[start + length - 2]!;
      const count = memory[start + length - 1]!;
      const from = length - RECORD_TAIL - count;
      // Records that name the log itself or what lies outside are nobody's; nothing sensible can be restored then.
      const sound = count > 0 && from >= 0 && index >= 0 && index + count <= memory.length;
      if (!sound || (index + count > start && index < start + this.#most)) {
        this.commit();
        throw this.#corrupt('a record');
      }
      memory.copyWithin(index, start + from, start + from + count);
      length = from;
    }
    this.commit();
  }

  #corrupt(what: string): CorruptError {
    return damaged(this.#path, `${what} in its undo log makes no sense`);
  }
}
