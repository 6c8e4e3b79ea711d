/**
 * What was changed lately: a ring of records, written by who holds the lock after each change, read by those who listen. Who
 * is too slow for it, or hears of a death, is told that anything may have changed.
 */

import { decodeKey, type EncodedKey, type MapKey } from './map-keys.js';
import { KEY_LENGTH_SHIFT, LONGEST_KEY } from './map-layout.js';
import type { Store } from './store.js';
import { STORE } from './store-layout.js';

/** What happened. UNKNOWN: look at everything. */
export const CHANGE = { SET: 1, DELETE: 2, CLEAR: 3, UNKNOWN: 4 } as const;
type ChangeKind = (typeof CHANGE)[keyof typeof CHANGE];

/** A record: its kind, the key's meta word and hash, then the key, in whole words. */
const RECORD_WORDS = 3;
const LONGEST_RECORD = RECORD_WORDS * 4 + LONGEST_KEY;
/** Positions wrap here; 0 means that nobody listens. */
const WRAP = 2 ** 30;
const FIRST = 4;

interface Change {
  readonly kind: ChangeKind;
  readonly hash: number;
  readonly meta: number;
  readonly key: MapKey | undefined;
}

const UNKNOWN_CHANGE: Change = { kind: CHANGE.UNKNOWN, hash: 0, meta: 0, key: undefined };

export class MapJournal {
  readonly #store: Store;
  readonly #words: Int32Array;
  readonly #memory: Int32Array;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #size: number;

  constructor(store: Store) {
    this.#store = store;
    this.#words = store.words;
    this.#memory = store.memory;
    this.#bytes = store.bytes;
    this.#start = store.plan.journal;
    this.#size = store.plan.journalBytes;
  }

  /** Notes a change that was made; the lock is held. If we die before it, whoever gets the lock notes that it does not know. */
  note(kind: ChangeKind, key?: EncodedKey): void {
    if (this.#words[STORE.JOURNAL_END] === 0) return; // nobody listens
    const end = this.#end;
    const { meta, hash, length, bytes } = key ?? { meta: 0, hash: 0, length: 0, bytes: NONE };
    this.#put(end, kind);
    this.#put(end + 4, meta);
    this.#put(end + 8, hash);
    for (let i = 0; i < length; i++) this.#bytes[this.#start + ((end + 12 + i) % this.#size)] = bytes[i]!;
    const after = (end + RECORD_WORDS * 4 + ((length + 3) & ~3)) % WRAP;
    Atomics.store(this.#words, STORE.JOURNAL_END, after === 0 ? FIRST : after); // publishes: pairs with next and listen
  }

  /** Where the next record will be, whatever the word says. */
  get #end(): number {
    const end = Atomics.load(this.#words, STORE.JOURNAL_END); // pairs with note
    return end > 0 && end < WRAP && (end & 3) === 0 ? end : FIRST;
  }

  #put(position: number, value: number): void {
    this.#memory[(this.#start + (position % this.#size)) >>> 2] = value;
  }

  /** Begins to listen: where the next change will be. */
  listen(): number {
    Atomics.compareExchange(this.#words, STORE.JOURNAL_END, 0, FIRST); // pairs with note
    return this.#end;
  }

  /** The change at a position and where the next one is; undefined if there is none yet. */
  next(position: number): { change: Change; after: number } | undefined {
    let end = this.#end;
    if (end === position) {
      this.#store.mend(); // who changed something may have died before it noted it
      end = this.#end;
      if (end === position) return undefined;
    }
    const lost = { change: UNKNOWN_CHANGE, after: end };
    if (!this.#keeps(position, end)) return lost;
    const kind = this.#word(position) as ChangeKind;
    const meta = this.#word(position + 4);
    const hash = this.#word(position + 8);
    const length = meta >>> KEY_LENGTH_SHIFT;
    if (kind < CHANGE.SET || kind > CHANGE.UNKNOWN || length > LONGEST_KEY) return lost;
    const bytes = Buffer.allocUnsafe(length);
    for (let i = 0; i < length; i++)
      bytes[i] = this.#bytes[this.#start + ((position + 12 + i) % this.#size)]!;
    if (!this.#keeps(position, this.#end)) return lost; // written over meanwhile
    const key = meta === 0 ? undefined : decodeKey(meta, bytes);
    const after = (position + RECORD_WORDS * 4 + ((length + 3) & ~3)) % WRAP;
    if (key === undefined && kind <= CHANGE.DELETE) return lost;
    return { change: { kind, hash, meta, key }, after: after === 0 ? FIRST : after };
  }

  /** Whether a record is still there while the one behind `end` is being written. */
  #keeps(position: number, end: number): boolean {
    return (end - position + WRAP) % WRAP <= this.#size - LONGEST_RECORD;
  }

  #word(position: number): number {
    return this.#memory[(this.#start + (position % this.#size)) >>> 2]!;
  }
}

const NONE = new Uint8Array(0);
