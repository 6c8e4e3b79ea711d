/**
 * Values that are no longer in a list and have yet to be freed: a ring that was replaced still refers to them. They are freed
 * some at a time, each time in a change of its own, by who removed them or, if that one dies, by the next that changes the
 * list.
 */

import { LIST, RING_HEAD_WORDS } from './list-layout.js';
import type { ListRing } from './list-ring.js';
import type { Store } from './store.js';

/** So many are freed in one change: their notes fit in the pages that every undo log has. */
const FREE_STEP = 64;

export class ListTrash {
  readonly #store: Store;
  readonly #memory: Int32Array;

  constructor(store: Store) {
    this.#store = store;
    this.#memory = store.memory;
  }

  /** Values from a position on, in a ring that is about to be replaced; then the ring itself. Within that change. */
  add(ring: ListRing, position: number, count: number): void {
    const memory = this.#memory;
    this.#store.log.save(LIST.TRASH, 4);
    memory[LIST.TRASH] = ring.ref;
    memory[LIST.TRASH_CAPACITY] = ring.capacity;
    memory[LIST.TRASH_HEAD] = ring.wordOf(position) - ring.ref - RING_HEAD_WORDS;
    memory[LIST.TRASH_LEFT] = count;
  }

  /** Frees what there is; with the lock held, between two changes. */
  empty(): void {
    const memory = this.#memory;
    if (memory[LIST.TRASH] === 0) return;
    const { heap } = this.#store;
    const ref = heap.check(memory[LIST.TRASH]!);
    const capacity = memory[LIST.TRASH_CAPACITY]!;
    const head = memory[LIST.TRASH_HEAD]!;
    let left = memory[LIST.TRASH_LEFT]!;
    const sound =
      capacity > 0 &&
      RING_HEAD_WORDS + capacity <= heap.wordsOf(ref) &&
      head >= 0 &&
      head < capacity &&
      left >= 0 &&
      left <= capacity;
    if (!sound) throw heap.corrupt('what is to be freed makes no sense');
    do {
      const few = Math.min(left, FREE_STEP);
      this.#store.change(() => this.#free(ref, capacity, head, left, few));
      left -= few;
    } while (left > 0);
  }

  /** The last few of those that are left; after the very last, the ring. */
  #free(ref: number, capacity: number, head: number, left: number, few: number): void {
    const { heap, log } = this.#store;
    for (let n = left - few; n < left; n++)
      heap.free(this.#memory[ref + RING_HEAD_WORDS + ((head + n) % capacity)]!);
    log.write(LIST.TRASH_LEFT, left - few);
    if (few < left) return;
    heap.free(ref);
    log.write(LIST.TRASH, 0);
  }
}
