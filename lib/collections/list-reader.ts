/**
 * Reading a list without its lock: look, copy, and look whether anything changed meanwhile; after some looks in vain, with
 * the lock. Nothing that is read is used before that.
 */

import type { Written } from '../messages/message.js';
import { FRAME } from '../messages/ring-layout.js';
import { ITEM } from './list-layout.js';
import { type ListRing, NONSENSE } from './list-ring.js';
import { HELD, MOST_LOOKS, type Store } from './store.js';
import { VALUE } from './store-layout.js';

/** Beyond this the private copy of a value is not kept for the next one. */
const SCRATCH_MOST = 1024 * 1024;
/** Up to so many bytes a loop is faster than a bulk copy, which needs a view. */
const SMALL = 48;
/** Before so many bytes are allocated, it is made sure that they are what the value says. */
const LARGE = 4096;
/** After so many values it is looked whether going on makes sense; a look that takes so many counts as two. */
const STRIDE = 64;
/** With the lock held nothing changes; no number of a sequence that is read from is odd. */
const CERTAIN = 1;

/** A value, copied: a number, or what is to be decoded, the first `length` of `bytes`. */
export type RawItem = number | { readonly type: number; readonly bytes: Uint8Array; readonly length: number };

/** What could not be read: it makes no sense. */
const FAILED: unique symbol = Symbol('failed');
type Failed = typeof FAILED;

export class ListReader {
  readonly #store: Store;
  readonly #memory: Int32Array;
  readonly #ring: ListRing;
  #scratch = Buffer.allocUnsafeSlow(8192);
  /** The sequence's number before the look that is under way. */
  #begun = CERTAIN;
  /** How many values that look has read. */
  #seen = 0;

  constructor(store: Store, ring: ListRing) {
    this.#store = store;
    this.#memory = store.memory;
    this.#ring = ring;
  }

  /** How many values there are. `timeout`, here as everywhere: ms to wait for the lock, if it takes that. */
  length(timeout: number): number {
    return this.#atOneMoment(timeout, () => this.#ring.length);
  }

  /** The value at an index (negative: from the end); undefined if there is none. To be decoded before the next one is read. */
  at(index: number, timeout: number): RawItem | undefined {
    return this.#atOneMoment(timeout, () => {
      const { length } = this.#ring;
      const position = index < 0 ? index + length : index;
      return position >= 0 && position < length ? this.#copy(position, false) : undefined;
    });
  }

  /** The values from one index to before another one (negative: from the end), all of one moment. */
  slice(start: number, end: number, timeout: number): RawItem[] {
    return this.#atOneMoment(timeout, () => {
      const { length } = this.#ring;
      return this.#range(clamp(start, length), clamp(end, length));
    });
  }

  /** Some values from an index on, and the moment of which they are: see `still`. */
  chunk(start: number, most: number, timeout: number): { items: RawItem[]; moment: number } {
    return this.#atOneMoment(timeout, () => {
      const { length } = this.#ring;
      const items = this.#range(Math.min(start, length), Math.min(start + most, length));
      return items === FAILED ? FAILED : { items, moment: this.#store.sequences.begin(0) };
    });
  }

  /** Whether the list is as it was at a moment. */
  still(moment: number): boolean {
    return this.#store.sequences.unchanged(0, moment);
  }

  /** Where a value is, from an index on forwards (`step` 1) or backwards (-1); -1: nowhere. `nan`: whether NaN equals NaN. */
  find(wanted: Written, from: number, step: 1 | -1, nan: boolean, timeout: number): number {
    const { bytes, start } = wanted;
    const number =
      wanted.type === VALUE.NUMBER
        ? new DataView(bytes.buffer, bytes.byteOffset + start, 8).getFloat64(0, true)
        : Number.NaN;
    const orNaN = nan && wanted.type === VALUE.NUMBER && Number.isNaN(number);
    return this.#atOneMoment(timeout, () => {
      const { length } = this.#ring;
      let position = from < 0 ? from + length : from;
      position = step > 0 ? Math.max(0, position) : Math.min(position, length - 1);
      for (; position >= 0 && position < length; position += step) {
        const same = this.#isAt(position, wanted, number, orNaN);
        if (same === FAILED) return FAILED;
        if (same) return position;
      }
      return -1;
    });
  }

  #atOneMoment<R>(timeout: number, read: () => R | Failed): R {
    if (timeout === HELD) return this.#certainly(read);
    const { sequences } = this.#store;
    for (let looks = 0; looks < MOST_LOOKS; looks += 1 + this.#seen / STRIDE) {
      this.#seen = 0;
      const begun = sequences.begin(0);
      if ((begun & 1) !== 0) continue;
      this.#begun = begun;
      const result = this.#ring.read() ? read() : FAILED;
      if (!sequences.unchanged(0, begun)) continue;
      if (result === FAILED) break;
      return result;
    }
    const locked = (): R => this.#certainly(read);
    return this.#store.heldHere ? locked() : this.#store.locked(timeout, locked);
  }

  /** With the lock held. */
  #certainly<R>(read: () => R | Failed): R {
    this.#begun = CERTAIN;
    this.#ring.sound();
    const result = read();
    if (result === FAILED) throw this.#store.heap.corrupt('there is no value where the list says');
    return result;
  }

  /** Whether what is being read has changed since. */
  #stale(): boolean {
    return this.#begun !== CERTAIN && !this.#store.sequences.unchanged(0, this.#begun);
  }

  #range(from: number, to: number): RawItem[] | Failed {
    const items: RawItem[] = [];
    for (let position = from; position < to; position++) {
      const item = this.#copy(position, true);
      if (item === FAILED) return FAILED;
      items.push(item);
    }
    return items;
  }

  /** Copies the value at a position of the list. `own`: into bytes that the next one leaves alone. */
  #copy(position: number, own: boolean): RawItem | Failed {
    if (++this.#seen % STRIDE === 0 && this.#stale()) return FAILED;
    const ref = this.#memory[this.#ring.wordOf(position)]!;
    const length = this.#ring.bytesOf(ref);
    if (length === NONSENSE) return FAILED;
    const type = this.#ring.typeOf(ref);
    const at = (ref + ITEM.BYTES) * 4;
    if (type === VALUE.NUMBER && length === 8) return this.#store.view.getFloat64(at, true);
    if (length > LARGE && this.#stale()) return FAILED; // no reason to allocate much
    const bytes = this.#target(type, length, own);
    const source = this.#store.bytes;
    if (length > SMALL) bytes.set(source.subarray(at, at + length));
    else for (let i = 0; i < length; i++) bytes[i] = source[at + i]!;
    return { type, bytes, length };
  }

  #target(type: number, length: number, own: boolean): Uint8Array {
    if (type === FRAME.BYTES) return new Uint8Array(length);
    if (type === FRAME.BUFFER || own) return Buffer.allocUnsafe(length);
    if (length <= this.#scratch.length) return this.#scratch;
    const room = Buffer.allocUnsafeSlow((length + 4095) & ~4095);
    if (room.length <= SCRATCH_MOST) this.#scratch = room;
    return room;
  }

  /** Whether the value at a position is one that was written; a number: is that one, or NaN. */
  #isAt(
    position: number,
    { type, bytes, start, end }: Written,
    number: number,
    orNaN: boolean,
  ): boolean | Failed {
    if (++this.#seen % STRIDE === 0 && this.#stale()) return FAILED;
    const ref = this.#memory[this.#ring.wordOf(position)]!;
    const length = this.#ring.bytesOf(ref);
    if (length === NONSENSE) return FAILED;
    if (length !== end - start) return false;
    const its = this.#ring.typeOf(ref);
    if (its !== type && !(its <= FRAME.BUFFER && type <= FRAME.BUFFER)) return false; // a Buffer is as good as its bytes
    const at = (ref + ITEM.BYTES) * 4;
    if (type === VALUE.NUMBER) {
      const here = this.#store.view.getFloat64(at, true);
      return here === number || (orNaN && Number.isNaN(here));
    }
    if (length > 0 && this.#store.bytes[at] !== bytes[start]) return false; // mostly enough, and a call less
    return this.#store.bytes.compare(bytes, start, end, at, at + length) === 0;
  }
}

/** An index as Array's methods take it (negative: from the end), as a position from 0 to `length`. */
export function clamp(index: number, length: number): number {
  return index < 0 ? Math.max(0, index + length) : Math.min(index, length);
}
