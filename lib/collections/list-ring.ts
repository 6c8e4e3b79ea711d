/**
 * A list's ring as it is read: once, then checked, then used. With the lock or without it: whatever is read may be half
 * changed, or wrong.
 */

import { ITEM, ITEM_LENGTH_SHIFT, ITEM_TYPES, LIST, RING_HEAD_WORDS } from './list-layout.js';
import type { Store } from './store.js';
import { ROOT, SIZE_SHIFT } from './store-layout.js';

/** What reading gives where what is read makes no sense: try again, or, with the lock, it is damaged. */
export const NONSENSE = -1;

export class ListRing {
  readonly #store: Store;
  readonly #memory: Int32Array;
  readonly #first: number;
  /** As they were when they were read last. */
  length = 0;
  head = 0;
  ref = 0;
  capacity = 0;

  constructor(store: Store) {
    this.#store = store;
    this.#memory = store.memory;
    this.#first = store.heap.start;
  }

  /** Reads the roots; false if they make no sense. */
  read(): boolean {
    const memory = this.#memory;
    const length = memory[LIST.LENGTH]!;
    const head = memory[LIST.HEAD]!;
    const ref = memory[LIST.RING]!;
    const capacity = memory[LIST.CAPACITY]!;
    this.length = length;
    this.head = head;
    this.ref = ref;
    this.capacity = capacity;
    return length >= 0 && length <= capacity && head >= 0 && head < capacity && this.#isBlock(ref, capacity);
  }

  /** The same with the lock held: throws what they must be instead. */
  sound(): this {
    if (!this.read()) throw this.#store.heap.corrupt('the list of its values makes no sense');
    return this;
  }

  /** Whether there is a block with room for so many references. */
  #isBlock(ref: number, capacity: number): boolean {
    if (!(ref >= this.#first && (ref & 1) === 0 && capacity >= 0)) return false;
    const words = RING_HEAD_WORDS + capacity;
    return ref + words <= this.#end && (this.#memory[ref]! >>> SIZE_SHIFT) * 2 >= words;
  }

  /** The end of what has pages, as a word index: nothing behind it is looked at. */
  get #end(): number {
    return Math.min(this.#memory[ROOT.HEAP_END]!, this.#memory.length);
  }

  /** The word with the reference to the value at a position of the list; positions outside it, from -capacity on, go round. */
  wordOf(position: number): number {
    const place = this.head + position;
    const { capacity } = this;
    const wrapped = place >= capacity ? place - capacity : place < 0 ? place + capacity : place;
    return this.ref + RING_HEAD_WORDS + wrapped;
  }

  /** Copies references: `count` of them, from a position on, to words from `to` on. */
  copyTo(position: number, count: number, to: number): void {
    if (count === 0) return;
    const from = this.wordOf(position);
    const first = Math.min(count, this.ref + RING_HEAD_WORDS + this.capacity - from);
    this.#memory.copyWithin(to, from, from + first);
    if (first === count) return;
    const start = this.ref + RING_HEAD_WORDS;
    this.#memory.copyWithin(to + first, start, start + count - first);
  }

  /** Notes the references of positions of the list, which are about to be changed. */
  save(position: number, count: number): void {
    if (count === 0) return;
    const { log } = this.#store;
    const from = this.wordOf(position);
    const first = Math.min(count, this.ref + RING_HEAD_WORDS + this.capacity - from);
    log.save(from, first);
    if (first < count) log.save(this.ref + RING_HEAD_WORDS, count - first);
  }

  /** How many bytes the value of a reference has; NONSENSE if there is none. */
  bytesOf(ref: number): number {
    if (!(ref >= this.#first && (ref & 1) === 0 && ref + ITEM.BYTES <= this.#end)) return NONSENSE;
    const length = this.#memory[ref + ITEM.META]! >>> ITEM_LENGTH_SHIFT;
    const end = ref * 4 + (this.#memory[ref]! >>> SIZE_SHIFT) * 8;
    return (ref + ITEM.BYTES) * 4 + length <= end && end <= this.#end * 4 ? length : NONSENSE;
  }

  typeOf(ref: number): number {
    return this.#memory[ref + ITEM.META]! & ITEM_TYPES;
  }

  /** The reference to the value at a position. With the lock held; throws if it is none. */
  valueAt(position: number): number {
    const ref = this.#memory[this.wordOf(position)]!;
    if (this.bytesOf(ref) === NONSENSE)
      throw this.#store.heap.corrupt(`there is no value where the list says, at word ${ref}`);
    return ref;
  }
}
