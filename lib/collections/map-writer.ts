/**
 * Changing a map, with its lock held: each call is one change, whole or nothing, also if this process dies in it. Within a
 * change first everything is allocated and linked, then what it replaces is freed.
 */

import { CorruptError, FullError, outOfRange } from '../errors.js';
import type { Written } from '../messages/message.js';
import { growTable } from './map-growth.js';
import type { EncodedKey } from './map-keys.js';
import {
  ENTRY,
  ENTRY_WORDS,
  EXPIRES,
  EXPIRING_ENTRY_WORDS,
  LONGEST_VALUE,
  MAP,
  PARTS,
  VALUE_TYPE_SHIFT,
} from './map-layout.js';
import type { MapShape } from './map-shape.js';
import type { MapStamps } from './map-stamps.js';
import { type MapTable, NONSENSE } from './map-table.js';
import { sharedNow } from './shared-clock.js';
import type { Store } from './store.js';
import { SIZE_SHIFT } from './store-layout.js';
import { copyValue } from './store-values.js';

/** What becomes of a key: a new value, which expires at a time (ms; Infinity: never); or none. */
export interface MapOperation {
  readonly key: EncodedKey;
  readonly value: Written | undefined;
  readonly expiry: number;
}

/** Makes room for so many bytes, or (0) for an entry more; whether it is worth trying again. */
type MakeRoom = (bytes: number, attempt: number) => boolean;

/** Up to so many bytes are changed where they are; more are written beside them first. */
const IN_PLACE_MOST = 256;

export class MapWriter {
  readonly #store: Store;
  readonly #memory: Int32Array;
  readonly #table: MapTable;
  readonly #stamps: MapStamps;
  readonly #shape: MapShape;
  /** Blocks that the change under way replaces. */
  readonly #old: number[] = [];
  /** Keys that were to be removed, and were not there. */
  readonly absent: EncodedKey[] = [];
  #added = 0;
  /** Which operation there was no room for. */
  #failed = 0;
  /** Bytes for which the heap had no room. */
  #missing = 0;
  makeRoom: MakeRoom = () => false;

  constructor(store: Store, table: MapTable, stamps: MapStamps, shape: MapShape) {
    this.#store = store;
    this.#memory = store.memory;
    this.#table = table;
    this.#stamps = stamps;
    this.#shape = shape;
  }

  /** The entry with a key, 0 if there is none; one that has expired counts as none. */
  find(key: EncodedKey): number {
    const ref = this.#sound(this.#table.find(key));
    if (ref === 0) return 0;
    return this.#table.expiryOf(ref, this.#memory[ref + ENTRY.META]!) <= sharedNow() ? 0 : ref;
  }

  /** When an entry ends to be. */
  expiryOf(ref: number): number {
    return this.#table.expiryOf(ref, this.#memory[ref + ENTRY.META]!);
  }

  #sound(ref: number): number {
    if (ref === NONSENSE) throw this.#store.heap.corrupt('a chain of entries makes no sense');
    return ref;
  }

  /**
   * Makes all of the operations, or none.
   *
   * @throws FullError if there is no room, RangeError for an entry that can never fit
   */
  apply(operations: readonly MapOperation[]): void {
    let values = 0;
    let bytes = 0;
    this.#missing = 0;
    for (const { key, value, expiry } of operations) {
      if (value === undefined) continue;
      bytes += this.#checkSize(key, value, Number.isFinite(expiry));
      values++;
    }
    // What can never fit is refused before anything goes for it.
    if (values > this.#shape.maxEntries || bytes > this.#most) throw this.#full(false);
    let evicted = false;
    let failed = 0;
    for (let attempt = 0; !this.#tryApply(operations); attempt++) {
      if (this.#failed > failed) attempt = 0;
      failed = this.#failed;
      // What is about to be written should not be what goes: others would see neither the old value nor the new one.
      for (const { key } of operations) this.#stamps.used(key.hash);
      if (!this.makeRoom(this.#missing, attempt)) throw this.#full(evicted);
      evicted = this.#shape.evict === 'lru';
    }
    for (const { key, value } of operations) {
      if (value === undefined) continue;
      this.#memory[MAP.TICK] = (this.#memory[MAP.TICK]! + 1) | 0;
      this.#stamps.used(key.hash);
    }
    for (let grown = 0; grown < this.#added; grown++) if (!this.#grow()) break;
  }

  /** The operations are made by now: that the table stays as it is for want of memory is no failure of theirs. */
  #grow(): boolean {
    try {
      return growTable(this.#store, this.#table);
    } catch (error) {
      if (error instanceof CorruptError) throw error;
      return false;
    }
  }

  #tryApply(operations: readonly MapOperation[]): boolean {
    const store = this.#store;
    const memory = this.#memory;
    this.#old.length = 0;
    this.absent.length = 0;
    this.#added = 0;
    this.#table.uncounted = 0;
    return store.change(() => {
      let count = memory[MAP.COUNT]!;
      this.#failed = -1;
      for (const { key, value, expiry } of operations) {
        this.#failed++;
        const ref = this.#sound(this.#table.find(key));
        if (value === undefined) {
          if (ref === 0) {
            this.absent.push(key);
            continue;
          }
          this.#unlink(ref, key.hash);
          count--;
        } else {
          if (ref !== 0 && this.#overwrite(ref, key, value, expiry)) continue;
          if (ref === 0 && ++count > this.#shape.maxEntries) return this.#refuse(0);
          if (!this.#insert(ref, key, value, expiry)) return false;
          if (ref === 0) this.#table.uncounted = ++this.#added;
        }
      }
      if (count !== memory[MAP.COUNT]) store.log.write(MAP.COUNT, count);
      this.#table.uncounted = 0;
      for (const ref of this.#old) store.heap.free(ref);
      return true;
    });
  }

  #refuse(bytes: number): false {
    this.#store.undo();
    this.#missing = bytes;
    return false;
  }

  /** A new value in the place of an old one of about its size. False if that cannot be. */
  #overwrite(ref: number, key: EncodedKey, value: Written, expiry: number): boolean {
    const { log, sequences, bytes } = this.#store;
    const memory = this.#memory;
    const length = value.end - value.start;
    const meta = memory[ref + ENTRY.META]!;
    const expires = Number.isFinite(expiry);
    if (length > IN_PLACE_MOST || expires !== ((meta & EXPIRES) !== 0)) return false;
    const at = this.#table.keyAt(ref, meta) + key.length;
    const has = ref * 4 + (memory[ref]! >>> SIZE_SHIFT) * 8 - at;
    if (length > has || has > 2 * length + 32 || has > memory.length * 4) return false;
    sequences.open(key.hash & (PARTS - 1));
    const first = at >>> 2;
    log.save(ref + ENTRY.META, expires ? 4 : 2);
    if (length > 0) log.save(first, ((at + length + 3) >>> 2) - first);
    memory[ref + ENTRY.META] = this.#metaOf(key, value, expires);
    memory[ref + ENTRY.LENGTH] = length;
    if (expires) this.#setExpiry(ref, expiry);
    copyValue(bytes, at, value);
    return true;
  }

  #metaOf(key: EncodedKey, value: Written, expires: boolean): number {
    return key.meta | (value.type << VALUE_TYPE_SHIFT) | (expires ? EXPIRES : 0);
  }

  #setExpiry(ref: number, expiry: number): void {
    this.#table.setTime(ref + ENTRY.EXPIRY, expiry);
    if (expiry >= this.#table.timeAt(MAP.NEXT_EXPIRY)) return;
    this.#store.log.save(MAP.NEXT_EXPIRY, 2);
    this.#table.setTime(MAP.NEXT_EXPIRY, expiry);
  }

  /** A new entry, in the place of an old one in its chain if there is one. */
  #insert(old: number, key: EncodedKey, value: Written, expiry: number): boolean {
    const { heap, log, sequences, bytes } = this.#store;
    const memory = this.#memory;
    const length = value.end - value.start;
    const expires = Number.isFinite(expiry);
    const words = wordsFor(key.length, length, expires);
    const { link } = this.#table;
    const ref = heap.allocate(words);
    if (ref === 0) return this.#refuse(words * 4);
    memory[ref + ENTRY.HASH] = key.hash;
    memory[ref + ENTRY.META] = this.#metaOf(key, value, expires);
    memory[ref + ENTRY.LENGTH] = length;
    if (expires) this.#setExpiry(ref, expiry);
    const at = (ref + (expires ? EXPIRING_ENTRY_WORDS : ENTRY_WORDS)) * 4;
    for (let i = 0; i < key.length; i++) bytes[at + i] = key.bytes[i]!;
    copyValue(bytes, at + key.length, value);
    sequences.open(key.hash & (PARTS - 1));
    memory[ref + ENTRY.NEXT] = old === 0 ? memory[link]! : memory[old + ENTRY.NEXT]!;
    log.write(link, ref);
    if (old !== 0) this.#old.push(old);
    return true;
  }

  /** Takes the entry that was found last out of its chain. */
  #unlink(ref: number, hash: number): void {
    this.#store.sequences.open(hash & (PARTS - 1));
    this.#store.log.write(this.#table.link, this.#memory[ref + ENTRY.NEXT]!);
    this.#old.push(ref);
  }

  /** Removes the entry that `link` refers to: a change of its own. `counter`: the root that counts why. */
  remove(ref: number, link: number, counter?: number): void {
    const { log, heap, sequences } = this.#store;
    const memory = this.#memory;
    this.#store.change(() => {
      sequences.open(memory[ref + ENTRY.HASH]! & (PARTS - 1));
      log.write(link, memory[ref + ENTRY.NEXT]!);
      log.write(MAP.COUNT, memory[MAP.COUNT]! - 1);
      if (counter !== undefined) log.write(counter, (memory[counter]! + 1) | 0);
      heap.free(ref);
    });
  }

  /** Bytes for entries, at most. */
  get #most(): number {
    return this.#shape.maxBytes - LEAST_OVERHEAD;
  }

  /** The bytes of an entry's block. Throws if there can be no such entry. */
  #checkSize(key: EncodedKey, value: Written, expires: boolean): number {
    const length = value.end - value.start;
    if (length > LONGEST_VALUE)
      throw outOfRange(`a value of '${this.#store.path}'`, `at most ${LONGEST_VALUE} bytes`, length);
    const bytes = wordsFor(key.length, length, expires) * 4;
    if (bytes <= this.#most) return bytes;
    throw outOfRange(
      `an entry of '${this.#store.path}' (key, value and ${EXPIRING_ENTRY_WORDS * 4} bytes)`,
      `at most ${this.#most} bytes; create it with a larger maxBytes`,
      bytes,
    );
  }

  #full(evicted: boolean): unknown {
    const { path, segment, heap, spaceError } = this.#store;
    if (this.#missing > 0 && spaceError !== undefined) return spaceError; // not if it is entries that are too many
    const { maxEntries, maxBytes } = this.#shape;
    const count = this.#memory[MAP.COUNT]!;
    const [entries, more] = segment.header.kind === 'namespace' ? NAMESPACE_WORDS : MAP_WORDS;
    const limit =
      count >= maxEntries
        ? `${maxEntries} ${entries}`
        : `${heap.usedBytes} of ${maxBytes} bytes in ${count} ${entries}`;
    return new FullError(
      evicted
        ? `'${path}' has no room for this (${limit}), though older ${entries} were evicted; create it larger`
        : `'${path}' is full (${limit}); nothing was changed: delete ${entries}, ${more}`,
    );
  }
}

/** What a full one has too many of, and what helps beside deleting some: a Namespace never evicts. */
const MAP_WORDS = ['entries', "create it larger, or with { evict: 'lru' }"] as const;
const NAMESPACE_WORDS = ['properties', 'or create it larger'] as const;

/** What even an empty map needs of its heap: the first part of the table, and the heap's own words. */
const LEAST_OVERHEAD = 4 * (PARTS + 12);

/** Words of an entry's block. */
function wordsFor(keyBytes: number, valueBytes: number, expires: boolean): number {
  return (expires ? EXPIRING_ENTRY_WORDS : ENTRY_WORDS) + Math.ceil((keyBytes + valueBytes) / 4);
}
