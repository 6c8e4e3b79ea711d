/**
 * Reading without a lock: a number that is odd while what readers see is being changed. Who reads looks at it before and
 * after; if it is the same and even, what was read is of one moment. Source: sequence locks (C. Lameter, "Effective
 * synchronization on Linux/NUMA systems", 2005); their order of memory after H. Boehm, MSPC 2012.
 */

import { native } from '../native/load.js';
import { SEQUENCE_WORDS, STORE } from './store-layout.js';

/** x86-64 keeps loads in order with loads and stores with stores; elsewhere it takes a fence. */
const ORDERED = process.arch === 'x64';

export class Sequences {
  readonly #words: Int32Array;
  readonly count: number;
  /** Those that this thread has made odd. */
  readonly #open: number[] = [];

  constructor(words: Int32Array, count: number) {
    this.#words = words;
    this.count = count;
  }

  /** Before reading: the number; odd: not now. */
  begin(part: number): number {
    return Atomics.load(this.#words, STORE.SEQUENCES + part * SEQUENCE_WORDS); // pairs with close
  }

  /** After reading: whether nothing was changed meanwhile. */
  unchanged(part: number, begun: number): boolean {
    if (!ORDERED) native.fence();
    return Atomics.load(this.#words, STORE.SEQUENCES + part * SEQUENCE_WORDS) === begun; // pairs with open
  }

  /** With the lock held, before the first word that readers of this part see is changed. Again: nothing. */
  open(part: number): void {
    const at = STORE.SEQUENCES + part * SEQUENCE_WORDS;
    const found = this.#words[at]!;
    if ((found & 1) !== 0) return;
    this.#open.push(at);
    Atomics.store(this.#words, at, (found + 1) | 0); // pairs with unchanged; if we die, `closeAll` of the next one
    if (!ORDERED) native.fence();
  }

  openAll(): void {
    for (let part = 0; part < this.count; part++) this.open(part);
  }

  /** After the last change, made or undone: readers may read again. */
  close(): void {
    for (const at of this.#open) Atomics.store(this.#words, at, (this.#words[at]! + 1) | 0); // pairs with begin
    this.#open.length = 0;
  }

  /** What this thread opened before it was broken off is others' by now. */
  forget(): void {
    this.#open.length = 0;
  }

  /** With the lock held, after a death: what was odd becomes even. */
  closeAll(): void {
    for (let part = 0; part < this.count; part++) {
      const at = STORE.SEQUENCES + part * SEQUENCE_WORDS;
      const found = this.#words[at]!;
      if ((found & 1) !== 0) Atomics.store(this.#words, at, (found + 1) | 0); // pairs with begin
    }
  }
}
