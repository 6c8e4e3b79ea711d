/**
 * Changing a list, with its lock held: each call is one change, whole or nothing, also if this process dies in it. Within a
 * change first everything is allocated and linked, then what it replaces is freed.
 *
 * References are moved where they are, and noted, if they are few; otherwise they are copied into a new ring, which needs no
 * notes. Where many values go, their old ring becomes trash: they are freed afterwards, some in each change, by this process
 * or, if it dies, by the next that changes the list. So a change needs little undo log, however large it is.
 */

import { FullError, outOfRange } from '../errors.js';
import type { Written } from '../messages/message.js';
import {
  FIRST_CAPACITY,
  ITEM,
  ITEM_LENGTH_SHIFT,
  LIST,
  LIST_ROOTS,
  LONGEST_ITEM,
  RING_HEAD_WORDS,
} from './list-layout.js';
import type { ListRing } from './list-ring.js';
import { ListTrash } from './list-trash.js';
import type { Store } from './store.js';
import { SIZE_SHIFT } from './store-layout.js';
import { copyValue } from './store-values.js';

/** Up to so many references are moved where they are; and more, if they are an eighth of the list at most. */
const FEW = 64;
/** Up to so many values are freed in the change that removes them; more need a larger undo log. */
const FREE_MOST = 512;
/** Up to so many bytes a value is changed where it is; more are written beside it first. */
const IN_PLACE_MOST = 256;
/** What even an empty list needs of its heap, in bytes: its ring, and the heap's end. */
const LEAST_OVERHEAD = 4 * (RING_HEAD_WORDS + FIRST_CAPACITY + 3);

export class ListWriter {
  readonly #store: Store;
  readonly #memory: Int32Array;
  readonly #ring: ListRing;
  readonly #trash: ListTrash;
  readonly #maxBytes: number;

  constructor(store: Store, ring: ListRing, maxBytes: number) {
    this.#store = store;
    this.#memory = store.memory;
    this.#ring = ring;
    this.#trash = new ListTrash(store);
    this.#maxBytes = maxBytes;
  }

  /**
   * Removes values, and puts others in their place. `start` to `start + remove` are in the list.
   *
   * @throws FullError if there is no room, RangeError for a value that can never fit: nothing has changed then
   */
  splice(start: number, remove: number, values: readonly Written[]): void {
    for (const value of values) this.#checkSize(value);
    this.#trash.empty(); // what somebody who died had yet to free
    const { heap, sequences } = this.#store;
    const ring = this.#ring.sound();
    const { length } = ring;
    const after = length - remove + values.length;
    const done = this.#store.change(() => {
      const removed = new Int32Array(Math.min(remove, FREE_MOST));
      for (let n = 0; n < removed.length; n++) removed[n] = ring.valueAt(start + n);
      const fresh = this.#wantsRing(start, remove, values.length) ? this.#allocateRing(after) : 0;
      if (fresh === 0 && after > ring.capacity) return this.#refuse();
      const refs = new Int32Array(values.length);
      for (let n = 0; n < refs.length; n++) {
        refs[n] = this.#insert(values[n]!);
        if (refs[n] === 0) return this.#refuse();
      }
      sequences.open(0);
      if (fresh === 0) {
        const rest = this.#referencesOf(start + removed.length, remove - removed.length);
        this.#move(start, remove, refs);
        for (const ref of removed) heap.free(ref);
        for (const ref of rest) heap.free(ref);
        return true;
      }
      const old = ring.ref;
      const tail = start + remove;
      ring.copyTo(0, start, fresh + RING_HEAD_WORDS);
      this.#memory.set(refs, fresh + RING_HEAD_WORDS + start);
      ring.copyTo(tail, length - tail, fresh + RING_HEAD_WORDS + start + refs.length);
      this.#publish(fresh, after);
      if (remove > FREE_MOST) {
        this.#trash.add(ring, start, remove);
        return true;
      }
      for (const ref of removed) heap.free(ref);
      heap.free(old);
      return true;
    });
    if (!done) throw this.#full(values);
    this.#trash.empty();
  }

  /** Another value at a position of the list. Throws as `splice`. */
  set(position: number, value: Written): void {
    this.#checkSize(value);
    this.#trash.empty(); // what somebody who died had yet to free
    const { heap, log, sequences } = this.#store;
    const ring = this.#ring.sound();
    const done = this.#store.change(() => {
      const old = ring.valueAt(position);
      if (this.#overwrite(old, value)) return true;
      const ref = this.#insert(value);
      if (ref === 0) return this.#refuse();
      sequences.open(0);
      log.write(ring.wordOf(position), ref);
      heap.free(old);
      return true;
    });
    if (!done) throw this.#full([value]);
  }

  /** The references of all values, in their order. */
  references(): Int32Array {
    return this.#referencesOf(0, this.#ring.sound().length);
  }

  /** The same values in another order: all references that the list has. */
  reorder(refs: Int32Array): void {
    this.#trash.empty(); // what somebody who died had yet to free
    const { heap, sequences } = this.#store;
    const ring = this.#ring.sound();
    if (refs.length !== ring.length) throw heap.corrupt('its length changed while it was sorted');
    this.#store.change(() => {
      const fresh = refs.length > FEW ? this.#allocateRing(refs.length) : 0;
      sequences.open(0);
      if (fresh === 0) {
        ring.save(0, refs.length);
        for (let n = 0; n < refs.length; n++) this.#memory[ring.wordOf(n)] = refs[n]!;
        return;
      }
      const old = ring.ref;
      this.#memory.set(refs, fresh + RING_HEAD_WORDS);
      this.#publish(fresh, refs.length);
      heap.free(old);
    });
  }

  /** Removes everything: one change, however much it is. */
  clear(): void {
    const { heap, log, sequences } = this.#store;
    this.#store.change(() => {
      sequences.open(0);
      log.save(LIST.LENGTH, LIST_ROOTS);
      heap.reset(RING_HEAD_WORDS + FIRST_CAPACITY);
      makeRing(this.#memory, heap.allocate(RING_HEAD_WORDS + FIRST_CAPACITY));
    });
  }

  #refuse(): false {
    this.#store.undo();
    return false;
  }

  #referencesOf(position: number, count: number): Int32Array {
    const refs = new Int32Array(count);
    for (let n = 0; n < count; n++) refs[n] = this.#ring.valueAt(position + n);
    return refs;
  }

  /** Whether a change should be made in a new ring. */
  #wantsRing(start: number, remove: number, add: number): boolean {
    const { length, capacity } = this.#ring;
    const after = length - remove + add;
    if (after > capacity || remove > FREE_MOST) return true;
    if (capacity > FIRST_CAPACITY && after <= capacity / 4 && add < remove) return true; // it is much too large
    const moved = add === remove ? 0 : Math.min(start, length - start - remove);
    return moved > FEW && moved > length / 8;
  }

  /** A ring for so many references and some more; 0 if there is no room. Sets `#capacity`. */
  #allocateRing(needed: number): number {
    const { heap } = this.#store;
    const { capacity } = this.#ring;
    let wanted = capacity;
    if (needed > capacity) wanted = Math.max(needed, 2 * capacity);
    else if (needed <= capacity / 4) wanted = 2 * needed;
    wanted = Math.max(FIRST_CAPACITY, wanted);
    // Where there is no room for twice as much, an eighth more may still fit.
    for (const room of [wanted, Math.min(wanted, needed + (needed >>> 3)), needed]) {
      this.#capacity = Math.max(FIRST_CAPACITY, room);
      const ref = heap.allocate(RING_HEAD_WORDS + this.#capacity);
      if (ref !== 0) return ref;
    }
    return 0;
  }
  #capacity = 0;

  /** A new ring takes the place of the old one. */
  #publish(fresh: number, length: number): void {
    const memory = this.#memory;
    this.#store.log.save(LIST.LENGTH, 4);
    memory[LIST.LENGTH] = length;
    memory[LIST.HEAD] = 0;
    memory[LIST.RING] = fresh;
    memory[LIST.CAPACITY] = this.#capacity;
  }

  /** Puts references in the place of others where they are, moving those before or behind them, whichever are fewer. */
  #move(start: number, remove: number, refs: Int32Array): void {
    const memory = this.#memory;
    const { log } = this.#store;
    const ring = this.#ring;
    const { length, capacity } = ring;
    const by = refs.length - remove;
    const tail = length - start - remove;
    let first = start;
    if (by === 0) {
      ring.save(start, remove);
    } else if (tail <= start) {
      ring.save(start, remove + tail);
      const move = (position: number): void => {
        memory[ring.wordOf(position + by)] = memory[ring.wordOf(position)]!;
      };
      if (by < 0) for (let n = start + remove; n < length; n++) move(n);
      else for (let n = length - 1; n >= start + remove; n--) move(n);
    } else {
      ring.save(0, start + remove);
      const move = (position: number): void => {
        memory[ring.wordOf(position - by)] = memory[ring.wordOf(position)]!;
      };
      if (by > 0) for (let n = 0; n < start; n++) move(n);
      else for (let n = start - 1; n >= 0; n--) move(n);
      first = start - by;
      const head = ring.head - by;
      log.write(LIST.HEAD, head < 0 ? head + capacity : head >= capacity ? head - capacity : head);
    }
    // What lies outside the list needs no note: nobody looks there, and its length is put back.
    for (let n = 0; n < refs.length; n++) memory[ring.wordOf(first + n)] = refs[n]!;
    if (by !== 0) log.write(LIST.LENGTH, length + by);
  }

  /** A block with a value; 0 if there is no room. */
  #insert(value: Written): number {
    const length = value.end - value.start;
    const ref = this.#store.heap.allocate(wordsFor(length));
    if (ref === 0) return 0;
    this.#memory[ref + ITEM.META] = value.type | (length << ITEM_LENGTH_SHIFT);
    copyValue(this.#store.bytes, (ref + ITEM.BYTES) * 4, value);
    return ref;
  }

  /** A new value in the block of an old one of about its size. False if that cannot be. */
  #overwrite(ref: number, value: Written): boolean {
    const length = value.end - value.start;
    if (length > IN_PLACE_MOST) return false;
    const has = (this.#memory[ref]! >>> SIZE_SHIFT) * 8 - ITEM.BYTES * 4;
    if (length > has || has > 2 * length + 32) return false;
    this.#store.sequences.open(0);
    this.#store.log.save(ref + ITEM.META, wordsFor(length) - ITEM.META);
    this.#memory[ref + ITEM.META] = value.type | (length << ITEM_LENGTH_SHIFT);
    copyValue(this.#store.bytes, (ref + ITEM.BYTES) * 4, value);
    return true;
  }

  #checkSize({ start, end }: Written): void {
    const most = Math.min(this.#maxBytes - LEAST_OVERHEAD - ITEM.BYTES * 4, LONGEST_ITEM);
    if (end - start <= most) return;
    const hint = most < LONGEST_ITEM ? '; create the list with a larger maxBytes' : '';
    throw outOfRange(
      `a value of '${this.#store.path}'`,
      `at most ${most} bytes${hint}`,
      `${end - start} bytes`,
    );
  }

  #full(values: readonly Written[]): unknown {
    const { path, heap, spaceError } = this.#store;
    if (spaceError !== undefined) return spaceError;
    const wanted = values.reduce((sum, { start, end }) => sum + end - start, 0);
    return new FullError(
      `'${path}' is full (${heap.usedBytes} of ${this.#maxBytes} bytes in ${this.#ring.length} values; there is no room for ${wanted} more); nothing was changed: remove values, or create it larger`,
    );
  }
}

/** Words of a value's block. */
function wordsFor(bytes: number): number {
  return ITEM.BYTES + ((bytes + 3) >>> 2);
}

/** The roots of an empty list, whose ring is a block that nobody sees yet. */
export function makeRing(memory: Int32Array, ref: number): void {
  memory.fill(0, LIST.LENGTH, LIST.LENGTH + LIST_ROOTS);
  memory[LIST.RING] = ref;
  memory[LIST.CAPACITY] = FIRST_CAPACITY;
}
