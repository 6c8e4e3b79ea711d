/** A map that processes share, under a name. */

import { invalidType } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import type { InnerCodec } from '../messages/codecs.js';
import { keep } from '../messages/message.js';
import { type AttachOptions, checkOptions, checkWait } from '../options.js';
import { Watch } from '../values/watch.js';
import { expiryIn, ttlOf } from './expiry.js';
import { changesOf, changesOfKey, type MapChange } from './map-changes.js';
import { type MapCore, mapCoreOf } from './map-core.js';
import { addTo, findHeld, holds, type MapContext } from './map-held.js';
import type { EncodedKey, MapKey } from './map-keys.js';
import { MAP } from './map-layout.js';
import { attachMap, createMap, type OpenedMap, openMap } from './map-opening.js';
import type { RawEntry } from './map-reader.js';
import { type MapAttachOptions, type MapCreateOptions, type MapShape, MOST_ENTRIES } from './map-shape.js';
import { MapTransaction } from './map-transaction.js';
import { sharedNow } from './shared-clock.js';
import { HELD } from './store.js';
import { STORE } from './store-layout.js';
import { readValue, writeValue } from './store-values.js';
import { refusePromise } from './users-code.js';

/** How one entry is written. */
export interface MapSetOptions {
  /** ms after which the entry is gone; default: the map's `ttl`. `Infinity`: never. */
  ttl?: number;
}

/** Which changes are told, and until when. */
export interface MapChangesOptions {
  /** Aborting rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What `stats()` gives. */
export interface MapStats {
  /** Entries, without those that have expired. */
  readonly entries: number;
  /** Bytes of entries and of the table. */
  readonly usedBytes: number;
  /** Bytes of memory that the map has taken so far for entries and table; it takes more as it needs it, and gives none back. */
  readonly reservedBytes: number;
  /** How many bytes it may take: its `maxBytes`. */
  readonly maxBytes: number;
  /** Entries that went because the map was full, since it was made; modulo 2^32. */
  readonly evicted: number;
  /** Entries that went because their time was over. */
  readonly expired: number;
  /** How often `get` and `has` of this handle found something. */
  readonly hits: number;
  /** How often they found nothing. */
  readonly misses: number;
}

/**
 * A `Map` that unrelated processes share: with a Map's own methods, atomic changes, entries that expire, and limits. Keys are
 * strings, numbers, bigints, booleans or bytes; values are numbers, bigints, strings and bytes as they are, anything else
 * through the codec (a copy: changing what `get` returned changes nothing in the map).
 *
 * ```js
 * const { SharedMap, unlink } = require('isthmus');
 * const cache = SharedMap.open('example-cache', { maxBytes: '16MB', ttl: 60_000, evict: 'lru' });
 * cache.set('user:1', { name: 'Ada' });
 * console.log(cache.get('user:1'), cache.size); // { name: 'Ada' } 1
 * cache.add('hits', 1); // in as many processes at once as you like: none is lost
 * cache.close();
 * unlink('example-cache');
 * ```
 *
 * Reading takes no lock and waits for nobody, unless a process is stopped or killed in the microsecond of a change: then the
 * reader takes the lock. Changes take the lock, for microseconds; who is killed meanwhile leaves the old state, which the
 * next one finds. Each call is atomic: others see all of it or nothing.
 *
 * The order of iteration is not that of insertion, and not even the same after changes.
 *
 * Sources: linear hashing (W. Litwin, VLDB 1980), sequence locks, TLSF for the memory.
 */
export class SharedMap<K extends MapKey = string, V = unknown>
  extends SharedObject
  implements Iterable<[K, V]>
{
  readonly #shape: MapShape;
  readonly #core: MapCore;
  readonly #codec: InnerCodec;
  readonly #timeout: number;
  readonly #context: MapContext;
  readonly #watch: Watch;
  #hits = 0;
  #misses = 0;

  private constructor(opened: OpenedMap) {
    super(opened?.segment); // nothing, where a program calls it
    const { segment, shape, codec, timeout } = opened;
    this.#shape = shape;
    this.#core = mapCoreOf(segment, shape);
    this.#core.store.retain();
    this.#codec = codec;
    this.#timeout = timeout;
    this.#watch = new Watch(segment.words, STORE.CHANGED);
    this.#context = { core: this.#core, codec, ttl: shape.ttl };
  }

  /**
   * Makes a new map.
   *
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad options
   */
  static create<K extends MapKey = string, V = unknown>(
    name: string,
    options?: MapCreateOptions<V>,
  ): SharedMap<K, V> {
    return SharedMap.over(createMap('map', name, options as MapCreateOptions<never>));
  }

  /** Attaches to a map that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach<K extends MapKey = string, V = unknown>(
    name: string,
    options?: MapAttachOptions<V>,
  ): SharedMap<K, V> {
    return SharedMap.over(attachMap('map', name, options as MapAttachOptions<never>));
  }

  /** Attaches if the name exists (what the options say must agree), creates it otherwise; without a race. */
  static open<K extends MapKey = string, V = unknown>(
    name: string,
    options?: MapCreateOptions<V> & AttachOptions,
  ): SharedMap<K, V> {
    return SharedMap.over(openMap('map', name, options as MapCreateOptions<never>));
  }

  /** @internal A handle on what was opened: a map, or what is one but of a kind of its own. */
  static over<K extends MapKey, V>(opened: OpenedMap): SharedMap<K, V> {
    return new SharedMap<K, V>(opened);
  }

  // ---- what a Map has

  /** How many entries there are now. When some have expired since it was last asked, it removes them first. */
  get size(): number {
    this.check();
    return this.#core.size(this.#timeout);
  }

  /** The value of a key, or `undefined`. A copy. Throws CorruptError for a value that makes no sense. */
  get(key: K): V | undefined {
    this.check();
    const { reader, keys } = this.#core;
    if (!reader.find(keys.encode(key), this.#timeout)) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    return readValue(this.name, this.#codec, reader.type, reader.bytes, reader.length) as V;
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    this.check();
    const there = this.#core.reader.has(this.#core.keys.encode(key), this.#timeout);
    if (there) this.#hits++;
    else this.#misses++;
    return there;
  }

  /**
   * Sets the value of a key.
   *
   * @throws FullError (`ERR_ISTHMUS_FULL`) if there is no room, SystemError `ENOSPC` if /dev/shm is full, RangeError for an
   *   entry that can never fit, TypeError for what cannot be a key or a value, TimeoutError (see `timeout`): nothing has
   *   changed then
   */
  set(key: K, value: V, options?: MapSetOptions): this {
    this.check();
    const ttl = this.#ttlOf(options);
    const written = writeValue(this.#codec, value);
    this.check(); // a codec may have closed the handle
    const encoded = this.#core.keys.encode(key);
    this.#core.store.locked(this.#timeout, () => {
      this.#core.apply([{ key: encoded, value: written, expiry: expiryIn(ttl) }]);
    });
    return this;
  }

  /** Removes a key; whether it was there. */
  delete(key: K): boolean {
    this.check();
    const encoded = this.#core.keys.encode(key);
    return this.#core.store.locked(this.#timeout, () => {
      const there = this.#core.writer.find(encoded) !== 0;
      this.#core.apply([{ key: encoded, value: undefined, expiry: 0 }]);
      return there;
    });
  }

  /** Removes everything, at once. The memory stays with the map. */
  clear(): void {
    this.check();
    this.#core.store.locked(this.#timeout, () => this.#core.clear());
  }

  /**
   * All entries. What is there from the beginning to the end comes exactly once; what is added, removed or changed meanwhile
   * comes or does not, in its old or its new state. Takes no lock between two entries.
   */
  entries(): IterableIterator<[K, V]> {
    this.check();
    return this.#walk(false, ({ key, type, bytes }) => [key as K, this.#read(type, bytes)]);
  }

  /**
   * @internal `most` entries or a few more, without waiting: throws TimeoutError where somebody changes it all the time. Each
   * value as a function that decodes it.
   */
  glance(most: number): [MapKey, () => V][] {
    this.check();
    const found: [MapKey, () => V][] = [];
    const chain: RawEntry[] = [];
    for (let place = 0; place < 2 ** 32 && found.length < most; ) {
      place = this.#core.reader.chainAt(place, 0, chain, false);
      for (const { key, type, bytes } of chain.splice(0)) found.push([key, () => this.#read(type, bytes)]);
    }
    return found;
  }

  *#walk<R>(keysOnly: boolean, make: (entry: RawEntry) => R): IterableIterator<R> {
    const entries: RawEntry[] = [];
    for (let place = 0; place < 2 ** 32; ) {
      this.check();
      place = this.#core.reader.chainAt(place, this.#timeout, entries, keysOnly);
      // A copy: the loop's body may iterate, too.
      for (const entry of entries.splice(0)) yield make(entry);
    }
  }

  #read(type: number, bytes: Uint8Array): V {
    return readValue(this.name, this.#codec, type, bytes, bytes.length) as V;
  }

  /** As {@link entries}. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }

  /** The keys; as {@link entries}. No value is decoded. */
  keys(): IterableIterator<K> {
    this.check();
    return this.#walk(true, ({ key }) => key as K);
  }

  /** The values; as {@link entries}. */
  values(): IterableIterator<V> {
    this.check();
    return this.#walk(false, ({ type, bytes }) => this.#read(type, bytes));
  }

  /** Calls `fn` for each entry; as {@link entries}. */
  forEach(fn: (value: V, key: K, map: this) => void, thisArg?: unknown): void {
    if (typeof fn !== 'function') throw invalidType('fn', 'a function of value and key', fn);
    for (const [key, value] of this.entries()) fn.call(thisArg, value, key, this);
  }

  // ---- atomic changes

  /** The value of a key; if there is none, it is `value` from now on. Throws as {@link set}. */
  getOrInsert(key: K, value: V, options?: MapSetOptions): V {
    if (value === undefined) writeValue(this.#codec, value); // throws
    return this.getOrInsertComputed(key, () => value, options);
  }

  /**
   * The value of a key; if there is none, what `compute` returns. Of several processes that ask at once, one computes, while
   * the others wait for it. `compute` is synchronous and must not change this map. Throws as {@link set}, and what
   * `compute` throws.
   */
  getOrInsertComputed(key: K, compute: (key: K) => V, options?: MapSetOptions): V {
    if (typeof compute !== 'function')
      throw invalidType('compute', 'a function that gives the value', compute);
    this.#ttlOf(options);
    const found = this.get(key);
    if (found !== undefined) return found;
    return this.#updateTo(key, (before) => (before === undefined ? compute(key) : before), options) as V;
  }

  /**
   * Changes a value in one step: others see the old one or the new one, and no change of theirs is lost. `fn` gets the value
   * (`undefined` if there is none) and returns the new one, or `undefined` to remove the entry. It is called once, is
   * synchronous, and must not change this map. While it runs others can read, but not change the map. An entry keeps the
   * time at which it expires; a new one gets `ttl`.
   *
   * @returns the new value
   * @throws as {@link set}, and what `fn` throws: nothing has changed then
   */
  update(key: K, fn: (value: V | undefined) => V | undefined, options?: MapSetOptions): V | undefined {
    if (typeof fn !== 'function') throw invalidType('fn', 'a function of the old value', fn);
    return this.#updateTo(key, fn, options);
  }

  #updateTo(key: K, fn: (value: V | undefined) => V | undefined, options?: MapSetOptions): V | undefined {
    this.check();
    const ttl = this.#ttlOf(options);
    const encoded = this.#core.keys.encode(key).keep();
    return this.#core.store.locked(this.#timeout, () => {
      const found = findHeld(this.#context, encoded);
      const { before, after, written } = this.#core.store.runUsers(() => {
        const before = found?.read() as V | undefined;
        const after = fn(before);
        refusePromise(after);
        return { before, after, written: after === undefined ? undefined : writeValue(this.#codec, after) };
      });
      this.check(); // it may have closed this handle
      const expiry = found?.expiry ?? expiryIn(ttl); // the time of a new one begins when it is there
      if (before !== undefined || written !== undefined)
        this.#core.apply([{ key: encoded, value: written, expiry }]);
      return after;
    });
  }

  /**
   * Adds to a number (or a bigint to a bigint) in one step; a key that is not there counts as 0. An entry keeps the time at
   * which it expires; a new one gets `ttl`.
   *
   * @returns the sum
   * @throws TypeError if the value is no number (or bigint); RangeError for an amount or a sum that is not finite, and for a
   *   sum of whole numbers beyond 2^53, which could not be counted on; and as {@link set}. The old value stays then
   */
  add(key: K, amount: V & (number | bigint), options?: MapSetOptions): V {
    this.check();
    const ttl = this.#ttlOf(options);
    const encoded = this.#core.keys.encode(key);
    return this.#core.store.locked(this.#timeout, () => {
      const found = findHeld(this.#context, encoded);
      const sum = addTo(found?.number(), amount);
      const expiry = found?.expiry ?? expiryIn(ttl);
      this.#core.apply([{ key: encoded, value: writeValue(this.#codec, sum), expiry }]);
      return sum as V;
    });
  }

  /**
   * Sets a value if it is `expected` now (`undefined`: if there is none); `value` `undefined` removes it. Values are compared
   * as they are stored: numbers with `Object.is`, everything else byte for byte.
   *
   * @returns whether it was set
   */
  compareAndSet(key: K, expected: V | undefined, value: V | undefined, options?: MapSetOptions): boolean {
    this.check();
    const ttl = this.#ttlOf(options);
    const wanted = expected === undefined ? undefined : keep(writeValue(this.#codec, expected));
    const written = value === undefined ? undefined : writeValue(this.#codec, value);
    this.check();
    const encoded = this.#core.keys.encode(key);
    return this.#core.store.locked(this.#timeout, () => {
      const same =
        wanted === undefined ? this.#core.writer.find(encoded) === 0 : holds(this.#context, encoded, wanted);
      if (same) this.#core.apply([{ key: encoded, value: written, expiry: expiryIn(ttl) }]);
      return same;
    });
  }

  /** The values of several keys (`undefined` where there is none), all of one moment. */
  getMany(keys: Iterable<K>): (V | undefined)[] {
    this.check();
    checkIterable('keys', keys);
    const encoded = Array.from(keys, (key) => this.#core.keys.encode(key).keep());
    this.check(); // the iterable may have closed the handle
    const raw = this.#core.reader.together(encoded, this.#timeout, () =>
      encoded.map((key) => {
        const { reader } = this.#core;
        if (!reader.find(key, this.#timeout)) return undefined;
        return { type: reader.type, bytes: reader.own() };
      }),
    );
    return raw.map((one) => (one === undefined ? undefined : this.#read(one.type, one.bytes)));
  }

  /** Sets several entries in one step: all, or none. Throws as {@link set}. */
  setMany(entries: Iterable<readonly [K, V]>, options?: MapSetOptions): this {
    this.check();
    const ttl = this.#ttlOf(options);
    checkIterable('entries', entries);
    const changes = new MapTransaction<K, V>({ ...this.#context, ttl });
    for (const entry of entries as Iterable<unknown>) {
      if (!Array.isArray(entry)) throw invalidType('an entry', 'an array of key and value', entry);
      changes.set(entry[0] as K, entry[1] as V);
    }
    this.check();
    this.#core.store.locked(this.#timeout, () => this.#core.apply(changes.finish()));
    return this;
  }

  /**
   * Several changes in one step: `fn` reads and changes what it is given, and when it has returned, all of it is made, or
   * nothing, also if this process is killed meanwhile. `fn` is called once, is synchronous, and must not change this map
   * otherwise. While it runs others can read, but not change the map.
   *
   * ```js
   * const { SharedMap, unlink } = require('isthmus');
   * const accounts = SharedMap.open('example-accounts');
   * accounts.setMany([['a', 100], ['b', 0]]);
   * accounts.transaction((tx) => {
   *   tx.add('a', -30);
   *   tx.add('b', 30);
   * });
   * console.log(accounts.getMany(['a', 'b'])); // [ 70, 30 ]
   * accounts.close();
   * unlink('example-accounts');
   * ```
   *
   * @returns what `fn` returns
   * @throws as {@link set}, and what `fn` throws: nothing has changed then
   */
  transaction<R>(fn: (tx: MapTransaction<K, V>) => R): R {
    this.check();
    if (typeof fn !== 'function') throw invalidType('fn', 'a function of a transaction', fn);
    const tx = new MapTransaction<K, V>(this.#context);
    return this.#core.store.locked(this.#timeout, () => {
      const result = this.#core.store.runUsers(() => {
        try {
          return fn(tx);
        } catch (error) {
          tx.finish();
          throw error;
        }
      });
      const changes = tx.finish();
      refusePromise(result);
      this.check();
      if (changes.length > 0) this.#core.apply(changes);
      return result;
    });
  }

  // ---- time, size, news

  /** How long an entry has left, in ms; `Infinity` if it does not expire, `undefined` if there is none. */
  ttl(key: K): number | undefined {
    this.check();
    const { reader, keys } = this.#core;
    if (!reader.has(keys.encode(key), this.#timeout)) return undefined;
    return Math.max(0, reader.expiry - sharedNow());
  }

  /** Gives an entry a new time to live (default: the map's); whether there is one. */
  touch(key: K, options?: MapSetOptions): boolean {
    this.check();
    const ttl = this.#ttlOf(options);
    const encoded = this.#core.keys.encode(key);
    return this.#core.store.locked(this.#timeout, () => {
      const { reader } = this.#core;
      if (!reader.find(encoded, HELD)) return false;
      const value = { type: reader.type, bytes: reader.bytes, start: 0, end: reader.length };
      this.#core.apply([{ key: encoded, value, expiry: expiryIn(ttl) }]);
      return true;
    });
  }

  /** What the map holds and has done. Two numbers may be of different moments. */
  stats(): MapStats {
    const entries = this.size;
    const { heap, memory } = this.#core.store;
    return {
      entries,
      usedBytes: heap.usedBytes,
      reservedBytes: heap.bytes,
      maxBytes: this.#shape.maxBytes,
      evicted: memory[MAP.EVICTED]! >>> 0,
      expired: memory[MAP.EXPIRED]! >>> 0,
      hits: this.#hits,
      misses: this.#misses,
    };
  }

  /**
   * What others (and this process) change from now on: `for await (const change of map.changes())`. With `key`: the value of
   * that key (`undefined`: none) whenever it was changed; several changes in a row may come as one. An entry that expires is
   * told when it is removed, which may be later. Rejects with the signal's reason, or ClosedError after `close()`.
   */
  changes(options?: MapChangesOptions & { key?: undefined }): AsyncGenerator<MapChange<K>, void, undefined>;
  changes(options: MapChangesOptions & { key: K }): AsyncGenerator<V | undefined, void, undefined>;
  changes(
    options: MapChangesOptions & { key?: K | undefined } = {},
  ): AsyncGenerator<unknown, void, undefined> {
    this.check();
    const { key, ...rest } = checkOptions(options, ['key', 'signal']);
    const { signal } = checkWait(rest);
    const wait = { signal };
    if (key === undefined) return changesOf<K>(this.#core, this.#watch, () => this.check(), wait);
    const encoded: EncodedKey = this.#core.keys.encode(key).keep();
    return changesOfKey(
      this.#core,
      this.#watch,
      encoded,
      () => this.check(),
      () => {
        const { reader } = this.#core;
        if (!reader.find(encoded, this.#timeout)) return undefined;
        return this.#read(reader.type, reader.own());
      },
      wait,
    );
  }

  /** The name of the codec. */
  get codec(): string {
    return this.#shape.codec;
  }

  /** How large it may become, in bytes. */
  get maxBytes(): number {
    return this.#shape.maxBytes;
  }

  /** How many entries there may be; `Infinity`: as many as fit. */
  get maxEntries(): number {
    const { maxEntries } = this.#shape;
    return maxEntries >= MOST_ENTRIES ? Number.POSITIVE_INFINITY : maxEntries;
  }

  /** Pending waits for changes keep the process alive (the default). */
  ref(): this {
    this.#watch.keepsAlive = true;
    return this;
  }

  /** Pending waits for changes do not keep the process alive. */
  unref(): this {
    this.#watch.keepsAlive = false;
    return this;
  }

  /** The time to live of what is written now, in ms. */
  #ttlOf(options: MapSetOptions | undefined): number {
    return ttlOf(options, this.#shape.ttl);
  }

  /** @internal */
  protected override facts(): Facts {
    return { size: () => this.#core.reader.count, maxBytes: () => this.maxBytes, codec: () => this.codec };
  }

  /** @internal */
  protected override onClose(): void {
    this.#watch.failAll(() => closedError(this.name));
    this.#core.store.leave();
  }
}

function checkIterable(what: string, given: unknown): void {
  const iterable = typeof given === 'object' && given !== null && Symbol.iterator in given;
  if (!iterable) throw invalidType(what, 'an array or another iterable object', given);
}
