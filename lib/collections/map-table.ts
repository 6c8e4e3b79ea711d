/**
 * A map's chains: finding an entry, with the lock or without it. Whatever is read may be half changed or wrong: every
 * reference is checked before it is followed, and every walk is bounded.
 */

import type { EncodedKey } from './map-keys.js';
import {
  DIRECTORY_ENTRIES,
  ENTRY,
  ENTRY_WORDS,
  EXPIRES,
  EXPIRING_ENTRY_WORDS,
  FIRST_CHAINS,
  KEY_LENGTH_SHIFT,
  KEY_MASK,
  MAP,
  MOST_CHAINS,
  TABLE_HEAD_WORDS,
  VALUE_TYPE_SHIFT,
  VALUE_TYPES,
} from './map-layout.js';
import type { Store } from './store.js';
import { ROOT, SIZE_SHIFT } from './store-layout.js';

/** What finding gives where what is read makes no sense: try again, or, with the lock, it is damaged. */
export const NONSENSE = -1;

/** Bits in the other order: the order in which chains are visited, so that one that is divided meanwhile stays in its place. */
export function reversed(bits: number): number {
  let x = bits;
  x = ((x >>> 1) & 0x55555555) | ((x & 0x55555555) << 1);
  x = ((x >>> 2) & 0x33333333) | ((x & 0x33333333) << 2);
  x = ((x >>> 4) & 0x0f0f0f0f) | ((x & 0x0f0f0f0f) << 4);
  x = ((x >>> 8) & 0x00ff00ff) | ((x & 0x00ff00ff) << 8);
  return ((x >>> 16) | (x << 16)) >>> 0;
}

export class MapTable {
  readonly #memory: Int32Array;
  readonly #bytes: Buffer;
  readonly #first: number;
  /** The word that refers to the entry that was found last; where it would be, the first of its chain. */
  link = 0;
  /** Entries that the change under way has added, and that the roots do not count yet. */
  uncounted = 0;

  constructor(store: Store) {
    this.#memory = store.memory;
    this.#bytes = store.bytes;
    this.#first = store.heap.start;
  }

  /**
   * The end of what has pages, as a word index. Nothing behind it may be read, not even by a reader that follows what is
   * half changed: that would take a page, or end this process if there is none.
   */
  get #end(): number {
    const end = this.#memory[ROOT.HEAP_END]!;
    return end <= this.#memory.length ? end : 0;
  }

  /** A word as a reference to an entry or a part of the table: 0, or within the heap; NONSENSE otherwise. */
  refAt(word: number): number {
    const ref = this.#memory[word]!;
    if (ref === 0 || (ref >= this.#first && ref < this.#end - EXPIRING_ENTRY_WORDS && (ref & 1) === 0))
      return ref;
    return NONSENSE;
  }

  /** How many chains there are; NONSENSE if that cannot be. */
  get chains(): number {
    const chains = this.#memory[MAP.CHAINS]!;
    return chains >= FIRST_CHAINS && chains <= MOST_CHAINS ? chains : NONSENSE;
  }

  /** No chain is longer, if the map is sound. */
  get longest(): number {
    return Math.min(Math.max(0, this.#memory[MAP.COUNT]!) + this.uncounted, this.#memory.length >>> 2);
  }

  /** The chain of a hash among so many. */
  static chainOf(hash: number, chains: number): number {
    const half = 1 << (31 - Math.clz32(chains));
    const chain = hash & (2 * half - 1);
    return chain < chains ? chain : chain & (half - 1);
  }

  /** The part of the table in which a chain is, and its place there. */
  static partOf(chain: number): number {
    return chain < FIRST_CHAINS ? 0 : 26 - Math.clz32(chain);
  }

  /** The word with a chain's first entry, or NONSENSE. */
  wordOf(chain: number): number {
    const part = MapTable.partOf(chain);
    if (part >= DIRECTORY_ENTRIES) return NONSENSE;
    const ref = this.refAt(MAP.DIRECTORY + part);
    if (ref <= 0) return NONSENSE;
    const place = chain < FIRST_CHAINS ? chain : chain - (1 << (31 - Math.clz32(chain)));
    const word = ref + TABLE_HEAD_WORDS + place;
    return word < this.#end ? word : NONSENSE;
  }

  /** The word with the first entry of a hash's chain, or NONSENSE. */
  headOf(hash: number): number {
    const { chains } = this;
    return chains === NONSENSE ? NONSENSE : this.wordOf(MapTable.chainOf(hash, chains));
  }

  /** The entry with a key: its reference, 0 if there is none, NONSENSE. Sets `link`. */
  find(key: EncodedKey): number {
    const memory = this.#memory;
    const { hash } = key;
    const head = this.headOf(hash);
    if (head === NONSENSE) return NONSENSE;
    let link = head;
    for (let left = this.longest; ; left--) {
      const ref = this.refAt(link);
      if (ref === NONSENSE) return NONSENSE;
      if (ref === 0) {
        this.link = head;
        return 0;
      }
      if (memory[ref + ENTRY.HASH] === hash && this.#hasKey(ref, key)) {
        this.link = link;
        return ref;
      }
      if (left <= 0) return NONSENSE;
      link = ref + ENTRY.NEXT;
    }
  }

  #hasKey(ref: number, key: EncodedKey): boolean {
    const meta = this.#memory[ref + ENTRY.META]!;
    if ((meta & KEY_MASK) !== key.meta) return false;
    const at = this.keyAt(ref, meta);
    const { bytes, length } = key;
    if (at + length > this.#end * 4) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[at + i] !== bytes[i]) return false;
    return true;
  }

  /** Where an entry's key begins, in bytes. */
  keyAt(ref: number, meta: number): number {
    return (ref + ((meta & EXPIRES) === 0 ? ENTRY_WORDS : EXPIRING_ENTRY_WORDS)) * 4;
  }

  /** Where an entry's value begins, in bytes; NONSENSE if it does not lie within its block. */
  valueAt(ref: number, meta: number, length: number): number {
    const at = this.keyAt(ref, meta) + (meta >>> KEY_LENGTH_SHIFT);
    const end = ref * 4 + (this.#memory[ref]! >>> SIZE_SHIFT) * 8;
    return length >= 0 && at + length <= end && end <= this.#end * 4 ? at : NONSENSE;
  }

  /** A copy of an entry's key; undefined if it does not lie within its block. */
  keyOf(ref: number): EncodedKey | undefined {
    const meta = this.#memory[ref + ENTRY.META]!;
    const end = this.valueAt(ref, meta, 0);
    if (end === NONSENSE) return undefined;
    const length = meta >>> KEY_LENGTH_SHIFT;
    const bytes = Buffer.from(this.#bytes.subarray(end - length, end));
    return { bytes, length, meta: meta & KEY_MASK, hash: this.#memory[ref + ENTRY.HASH]! };
  }

  static valueType(meta: number): number {
    return (meta & VALUE_TYPES) >>> VALUE_TYPE_SHIFT;
  }

  /** When an entry ends to be, in ms; Infinity: never. */
  expiryOf(ref: number, meta: number): number {
    return (meta & EXPIRES) === 0 ? Number.POSITIVE_INFINITY : this.timeAt(ref + ENTRY.EXPIRY);
  }

  /** A time in two words. */
  timeAt(word: number): number {
    return this.#memory[word]! * 2 ** 32 + (this.#memory[word + 1]! >>> 0);
  }

  setTime(word: number, time: number): void {
    this.#memory[word] = Math.floor(time / 2 ** 32);
    this.#memory[word + 1] = time | 0;
  }
}
