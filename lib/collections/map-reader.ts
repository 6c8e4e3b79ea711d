/**
 * Reading a map without its lock: look, copy, and look whether anything changed meanwhile; after many looks in vain, with
 * the lock. Nothing that is read is used before that.
 */

import { FRAME } from '../messages/ring-layout.js';
import { decodeKey, type EncodedKey, type MapKey } from './map-keys.js';
import { ENTRY, KEY_LENGTH_SHIFT, MAP, PARTS } from './map-layout.js';
import type { MapStamps } from './map-stamps.js';
import { MapTable, NONSENSE, reversed } from './map-table.js';
import { sharedNow } from './shared-clock.js';
import { HELD, MOST_LOOKS, type Store } from './store.js';

/** Beyond this the private copy of a value is not kept for the next one. */
const SCRATCH_MOST = 1024 * 1024;
/** Up to so many bytes a loop is faster than a bulk copy, which needs a view. */
const SMALL = 160;

/** Before so many bytes are allocated, it is made sure that they are what the entry says. */
const LARGE = 4096;
/** With the lock held nothing changes; no number of a sequence that is read from is odd. */
const CERTAIN = 1;

/** An entry, copied. */
export interface RawEntry {
  readonly key: MapKey;
  readonly type: number;
  readonly bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** What could not be copied: it makes no sense. */
const FAILED: unique symbol = Symbol('failed');

export class MapReader {
  readonly #store: Store;
  readonly #memory: Int32Array;
  readonly #table: MapTable;
  readonly #stamps: MapStamps;
  #scratch = Buffer.allocUnsafeSlow(8192);
  /** Which part is being read, and its number before. */
  #part = 0;
  #begun = 0;
  /** How many entries countAt found. */
  counted = 0;
  /** Of the value that was found last: its type, its bytes (the first `length`), when it expires (ms; Infinity: never). */
  type = 0;
  bytes: Uint8Array = this.#scratch;
  length = 0;
  expiry = 0;

  constructor(store: Store, table: MapTable, stamps: MapStamps) {
    this.#store = store;
    this.#memory = store.memory;
    this.#table = table;
    this.#stamps = stamps;
  }

  /** Looks a key up and copies its value. `timeout`: ms to wait for the lock, if it takes that; HELD: this thread has it. */
  find(key: EncodedKey, timeout: number): boolean {
    const found = this.#atOneMoment(key.hash & (PARTS - 1), timeout, () => this.#copyValue(key));
    if (!found || this.expiry <= sharedNow()) return false;
    this.#stamps.used(key.hash);
    return true;
  }

  /** The bytes that were found last, as an array of their own. */
  own(): Uint8Array {
    const bytes = this.bytes.subarray(0, this.length);
    return this.type === FRAME.BYTES ? new Uint8Array(bytes) : Buffer.from(bytes);
  }

  /** As find, without the value. */
  has(key: EncodedKey, timeout: number): boolean {
    const found = this.#atOneMoment(key.hash & (PARTS - 1), timeout, () => {
      const ref = this.#table.find(key);
      if (ref === NONSENSE) return FAILED;
      if (ref !== 0) this.expiry = this.#table.expiryOf(ref, this.#memory[ref + ENTRY.META]!);
      return ref !== 0;
    });
    return found && this.expiry > sharedNow();
  }

  /** Several reads that see the same moment, where nothing changes for long enough; with the lock otherwise. */
  together<R>(keys: readonly EncodedKey[], timeout: number, read: () => R): R {
    const { sequences } = this.#store;
    const parts = [...new Set(keys.map(({ hash }) => hash & (PARTS - 1)))];
    for (let look = 0; look < MOST_LOOKS; look++) {
      const begun = parts.map((part) => sequences.begin(part));
      if (begun.some((number) => (number & 1) !== 0)) continue;
      const result = read();
      if (parts.every((part, n) => sequences.unchanged(part, begun[n]!))) return result;
    }
    if (this.#store.heldHere) return read();
    return this.#store.locked(timeout, read);
  }

  #atOneMoment<R>(part: number, timeout: number, read: () => R | typeof FAILED): R {
    const { sequences } = this.#store;
    for (let look = 0; look < MOST_LOOKS; look++) {
      const begun = sequences.begin(part);
      if ((begun & 1) !== 0) continue;
      this.#part = part;
      this.#begun = begun;
      const result = read();
      if (!sequences.unchanged(part, begun)) continue;
      if (result === FAILED) break;
      return result;
    }
    this.#begun = CERTAIN;
    const locked = (): R => {
      const result = read();
      if (result === FAILED) throw this.#store.heap.corrupt('a chain of entries makes no sense');
      return result;
    };
    return timeout === HELD || this.#store.heldHere ? locked() : this.#store.locked(timeout, locked);
  }

  #copyValue(key: EncodedKey): boolean | typeof FAILED {
    const ref = this.#table.find(key);
    if (ref === 0) return false;
    if (ref === NONSENSE) return FAILED;
    const meta = this.#memory[ref + ENTRY.META]!;
    const length = this.#memory[ref + ENTRY.LENGTH]!;
    const at = this.#table.valueAt(ref, meta, length);
    if (at === NONSENSE) return FAILED;
    if (this.#doubtful(length)) return FAILED;
    this.type = MapTable.valueType(meta);
    this.length = length;
    this.expiry = this.#table.expiryOf(ref, meta);
    this.#copy(at, length, this.#target(this.type, length));
    return true;
  }

  /** Whether a length may be nonsense that was read during a change: not a reason to allocate much. */
  #doubtful(length: number): boolean {
    if (length <= LARGE || this.#begun === CERTAIN) return false;
    return !this.#store.sequences.unchanged(this.#part, this.#begun);
  }

  #target(type: number, length: number): Uint8Array {
    if (type === FRAME.BYTES) return new Uint8Array(length);
    if (type === FRAME.BUFFER) return Buffer.allocUnsafe(length);
    if (length <= this.#scratch.length) return this.#scratch;
    const room = Buffer.allocUnsafeSlow(Math.ceil(length / 4096) * 4096);
    if (room.length <= SCRATCH_MOST) this.#scratch = room;
    return room;
  }

  #copy(at: number, length: number, target: Uint8Array): void {
    const { bytes } = this.#store;
    this.bytes = target;
    if (length > SMALL) target.set(bytes.subarray(at, at + length));
    else for (let i = 0; i < length; i++) target[i] = bytes[at + i]!;
  }

  /**
   * The entries of the chain at a place of the order of all chains (reversed hashes): each with its key and, unless
   * `keysOnly`, its value.
   *
   * @returns where the next chain begins; 2^32 after the last
   */
  chainAt(place: number, timeout: number, entries: RawEntry[], keysOnly: boolean): number {
    return this.#walkAt(
      place,
      timeout,
      () => {
        entries.length = 0;
      },
      (ref) => {
        const entry = this.#entryAt(ref, keysOnly);
        if (entry !== FAILED && entry !== undefined) entries.push(entry);
        return entry !== FAILED;
      },
    );
  }

  /** As chainAt, and only counts them: `counted`. */
  countAt(place: number, timeout: number): number {
    const now = sharedNow();
    return this.#walkAt(
      place,
      timeout,
      () => {
        this.counted = 0;
      },
      (ref) => {
        if (this.#table.expiryOf(ref, this.#memory[ref + ENTRY.META]!) > now) this.counted++;
        return true;
      },
    );
  }

  /** Visits the entries of a chain; more than once, if it is changed meanwhile: each time it begins with `begin`. */
  #walkAt(place: number, timeout: number, begin: () => void, visit: (ref: number) => boolean): number {
    const hash = reversed(place) | 0;
    return this.#atOneMoment(hash & (PARTS - 1), timeout, () => {
      begin();
      const { chains } = this.#table;
      if (chains === NONSENSE) return FAILED;
      const chain = MapTable.chainOf(hash, chains);
      const half = 1 << (31 - Math.clz32(chains));
      // A chain whose other half exists has all hashes that agree in one bit more.
      const same = chain >= half || chain + half < chains ? 2 * half : half;
      let link = this.#table.wordOf(chain);
      if (link === NONSENSE) return FAILED;
      for (let left = this.#table.longest; ; left--) {
        const ref = this.#table.refAt(link);
        if (ref === 0) break;
        if (ref === NONSENSE || left <= 0) return FAILED;
        // After clear(), chains are longer again: what comes before this place was visited.
        if (reversed(this.#memory[ref + ENTRY.HASH]!) >= place && !visit(ref)) return FAILED;
        link = ref + ENTRY.NEXT;
      }
      const width = 2 ** 32 / same;
      return Math.floor(place / width) * width + width;
    });
  }

  #entryAt(ref: number, keysOnly: boolean): RawEntry | undefined | typeof FAILED {
    const meta = this.#memory[ref + ENTRY.META]!;
    const length = this.#memory[ref + ENTRY.LENGTH]!;
    const at = this.#table.valueAt(ref, meta, length);
    if (at === NONSENSE || this.#doubtful(length)) return FAILED;
    if (this.#table.expiryOf(ref, meta) <= sharedNow()) return undefined;
    const { bytes } = this.#store;
    const key = decodeKey(meta, Buffer.from(bytes.subarray(at - (meta >>> KEY_LENGTH_SHIFT), at)));
    if (key === undefined) return FAILED;
    const type = MapTable.valueType(meta);
    if (keysOnly) return { key, type, bytes: NOTHING };
    const value = type === FRAME.BYTES ? new Uint8Array(length) : Buffer.allocUnsafeSlow(length);
    value.set(bytes.subarray(at, at + length));
    return { key, type, bytes: value };
  }

  /** Entries that have not been removed, those that have expired included. */
  get count(): number {
    return Math.max(0, Atomics.load(this.#memory, MAP.COUNT)); // written by MapWriter, with the lock
  }
}
