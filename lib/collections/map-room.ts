/**
 * Room in a map: entries that have expired go first, then, where the map evicts, those that were used longest ago, roughly:
 * of a few chosen at random the oldest, as in Redis (docs: "Key eviction", approximated LRU).
 */

import { setNever } from './map-growth.js';
import type { EncodedKey } from './map-keys.js';
import { ENTRY, MAP, TABLE_MARK } from './map-layout.js';
import type { MapShape } from './map-shape.js';
import type { MapStamps } from './map-stamps.js';
import { type MapTable, NONSENSE } from './map-table.js';
import type { MapWriter } from './map-writer.js';
import { sharedNow } from './shared-clock.js';
import type { Store } from './store.js';

/** Entries that are compared, at least and at most, and chains that are looked at for them, before one goes. */
const SAMPLE = 8;
const MOST_SEEN = 256;
const MOST_CHAINS_SAMPLED = 64;
/** So many go one by one; then neighbours go together, until what is wanted fits in their place. */
const ONE_BY_ONE = 64;
const MOST_ATTEMPTS = 128;
/** Chains that are looked at for expired entries with every change. */
const SWEEP_CHAINS = 2;
/** So many expired entries are removed at a time where room is needed. */
const SWEEP_MOST = 64;
/** After all of the table was looked through, it is not done again for so many times as long. */
const SWEEP_REST = 50;

export class MapRoom {
  readonly #store: Store;
  readonly #memory: Int32Array;
  readonly #table: MapTable;
  readonly #stamps: MapStamps;
  readonly #writer: MapWriter;
  readonly #shape: MapShape;
  /** Told of each entry that was removed, with its key if that makes sense. */
  removed: (key: EncodedKey) => void = () => undefined;

  constructor(store: Store, table: MapTable, stamps: MapStamps, writer: MapWriter, shape: MapShape) {
    this.#store = store;
    this.#memory = store.memory;
    this.#table = table;
    this.#stamps = stamps;
    this.#writer = writer;
    this.#shape = shape;
    writer.makeRoom = (bytes, attempt) => this.#make(bytes, attempt);
  }

  /** True if something may have expired that is still there. */
  get stale(): boolean {
    return this.#table.timeAt(MAP.NEXT_EXPIRY) <= sharedNow();
  }

  #make(bytes: number, attempt: number): boolean {
    if (this.#shape.evict === 'none') return this.stale && this.#sweepOn() > 0;
    if (bytes === 0) return this.#evictOldest(); // ends: no more are wanted than there may be
    if (attempt >= MOST_ATTEMPTS) return false;
    if (attempt < ONE_BY_ONE) return this.#evictOldest();
    return this.#evictNeighbours(bytes);
  }

  /** Whether looking through all of the table would take the lock for no more than a small part of all time. */
  get maySweep(): boolean {
    return this.#table.timeAt(MAP.NEXT_SWEEP) <= sharedNow();
  }

  /** Removes all that have expired. */
  sweep(): void {
    const began = sharedNow();
    this.#sweepOn(Number.POSITIVE_INFINITY);
    // Only when to look next; whoever dies before it has looked in vain.
    this.#table.setTime(MAP.NEXT_SWEEP, Math.ceil(sharedNow() + SWEEP_REST * (sharedNow() - began)));
  }

  /** Removes what has expired, going on where it was left, until it is so many; how many it was. */
  #sweepOn(wanted = SWEEP_MOST): number {
    const { chains } = this.#table;
    let removed = 0;
    let next = Number.POSITIVE_INFINITY;
    let chain = (this.#memory[MAP.CURSOR]! >>> 0) % chains;
    for (let looked = 0; looked < chains; looked++) {
      removed += this.#sweepChain(chain, (expiry) => {
        next = Math.min(next, expiry);
      });
      chain = chain + 1 < chains ? chain + 1 : 0;
      if (removed < wanted) continue;
      this.#memory[MAP.CURSOR] = chain; // only where to go on
      return removed;
    }
    // With the lock held nothing was added meanwhile. If we die before it, it is only looked for again.
    this.#store.change(() => {
      this.#store.log.save(MAP.NEXT_EXPIRY, 2);
      if (Number.isFinite(next)) this.#table.setTime(MAP.NEXT_EXPIRY, next);
      else setNever(this.#memory);
    });
    return removed;
  }

  /** Removes what has expired in a few chains, so that it goes even if nobody asks. */
  sweepSome(): void {
    if (!this.stale) return;
    const { chains } = this.#table;
    for (let n = 0; n < SWEEP_CHAINS; n++) {
      const chain = (this.#memory[MAP.CURSOR]! >>> 0) % chains;
      this.#sweepChain(chain, () => undefined);
      this.#memory[MAP.CURSOR] = chain + 1; // only where to go on
    }
  }

  #sweepChain(chain: number, seen: (expiry: number) => void): number {
    const now = sharedNow();
    let removed = 0;
    let link = this.#sound(this.#table.wordOf(chain));
    for (let left = this.#table.longest; ; left--) {
      const ref = this.#sound(this.#table.refAt(link));
      if (ref === 0) return removed;
      if (left < 0) throw this.#corrupt();
      const expiry = this.#writer.expiryOf(ref);
      if (expiry <= now) {
        this.#remove(ref, link, MAP.EXPIRED);
        removed++;
      } else {
        if (Number.isFinite(expiry)) seen(expiry);
        link = ref + ENTRY.NEXT;
      }
    }
  }

  #remove(ref: number, link: number, counter: number): void {
    const key = this.#table.keyOf(ref);
    this.#writer.remove(ref, link, counter);
    if (key !== undefined) this.removed(key);
  }

  #evictOldest(): boolean {
    const victim = this.#sample();
    if (victim === undefined) return false;
    const expired = this.#writer.expiryOf(victim.ref) <= sharedNow();
    this.#remove(victim.ref, victim.link, expired ? MAP.EXPIRED : MAP.EVICTED);
    return true;
  }

  /**
   * The one of a few entries that was used longest ago: of whole chains chosen at random, so that each entry is as likely
   * to be among them as any other. (Neighbouring chains, or beginnings of chains, would leave others to grow old for ever.)
   */
  #sample(): { ref: number; link: number } | undefined {
    const { chains } = this.#table;
    const now = sharedNow();
    let oldest: { ref: number; link: number } | undefined;
    let age = -1;
    let seen = 0;
    let chain = 0;
    for (let looked = 0; looked < chains + MOST_CHAINS_SAMPLED && seen < SAMPLE; looked++) {
      if (looked < MOST_CHAINS_SAMPLED) chain = Math.floor(Math.random() * chains);
      else if (oldest !== undefined) break;
      else chain = chain + 1 < chains ? chain + 1 : 0; // there are few: one after the other
      let link = this.#sound(this.#table.wordOf(chain));
      for (let left = this.#table.longest; seen < MOST_SEEN; left--) {
        const ref = this.#sound(this.#table.refAt(link));
        if (ref === 0) break;
        if (left < 0) throw this.#corrupt();
        const expired = this.#writer.expiryOf(ref) <= now;
        const its = expired ? Number.POSITIVE_INFINITY : this.#stamps.age(this.#memory[ref + ENTRY.HASH]!);
        if (its > age) {
          age = its;
          oldest = { ref, link };
        }
        seen++;
        link = ref + ENTRY.NEXT;
      }
    }
    return oldest;
  }

  /**
   * Removes an old entry and those that lie behind it, until there is a free block of so many bytes. Parts of the table stay
   * where they are: behind each it begins anew, and at the end of the heap from its start.
   */
  #evictNeighbours(bytes: number): boolean {
    const { heap } = this.#store;
    const victim = this.#sample();
    if (victim === undefined) return false;
    let free = 0;
    let victims: number[] = [];
    let again = false;
    for (let ref = victim.ref; free < bytes; ref = heap.after(ref)) {
      if (ref === 0) {
        if (again) return false; // there is no such gap between the parts of the table
        again = true;
        ref = heap.start;
        free = 0;
        victims = [];
      }
      if (!heap.isFree(ref)) {
        if (this.#memory[ref + ENTRY.NEXT] === TABLE_MARK) {
          free = 0;
          victims = [];
          continue;
        }
        victims.push(ref);
      }
      free += heap.wordsOf(ref) * 4;
    }
    for (const ref of victims) this.#remove(ref, this.#linkTo(ref), MAP.EVICTED);
    return true;
  }

  /** The word that refers to an entry. */
  #linkTo(ref: number): number {
    const hash = this.#memory[ref + ENTRY.HASH]!;
    let link = this.#sound(this.#table.headOf(hash));
    for (let left = this.#table.longest; ; left--) {
      const found = this.#sound(this.#table.refAt(link));
      if (found === ref) return link;
      if (found === 0 || left < 0) throw this.#corrupt();
      link = found + ENTRY.NEXT;
    }
  }

  #sound(ref: number): number {
    if (ref === NONSENSE) throw this.#corrupt();
    return ref;
  }

  #corrupt(): Error {
    return this.#store.heap.corrupt('its table makes no sense');
  }
}
