/** `isthmus/keyv`: a storage adapter for Keyv (https://keyv.org). It needs nothing of Keyv but its contract. */

import { EventEmitter } from 'node:events';
import type { AttachOptions, MapCreateOptions, SharedMap } from '../index.js';
import { deletePrefixed, hasPrefix, mapOf, type StringMap } from './map-of.js';

/** How {@link KeyvIsthmus} opens its map: the options of `SharedMap.open` (`maxBytes`, `evict`, `ttl`, …). */
export type KeyvIsthmusOptions = MapCreateOptions & AttachOptions;

/** One entry for {@link KeyvIsthmus.setMany}. */
export interface KeyvIsthmusEntry {
  /** With Keyv's namespace in front, if it has one. */
  key: string;
  /** What is stored. */
  value: unknown;
  /** ms after which it is gone. */
  ttl?: number | undefined;
}

/**
 * A storage adapter for [Keyv](https://keyv.org) that keeps everything in a SharedMap: all processes that use the same name
 * share one cache.
 *
 * ```js
 * import Keyv from 'keyv';
 * import { unlink } from 'isthmus';
 * import KeyvIsthmus from 'isthmus/keyv';
 *
 * const cache = new Keyv(new KeyvIsthmus('example-keyv', { maxBytes: '16MB', evict: 'lru' }));
 * await cache.set('user:1', { name: 'Ada' }, 60_000);
 * console.log(await cache.get('user:1')); // { name: 'Ada' }
 * await cache.disconnect();
 * unlink('example-keyv');
 * ```
 *
 * Keys are stored as Keyv gives them, that is, as `namespace:key`. Times to live are kept by the map, so that entries go
 * even if nobody asks for them. What fails rejects: Keyv turns it into an 'error' event and `false`. Only of a failed `get`
 * Keyv says nothing, so the adapter tells it with an 'error' event of its own.
 *
 * With `useKeyPrefix: false` keys have no namespace in front: set Keyv's `namespace` to `undefined` then, or `clear` and
 * `iterator` find nothing.
 */
export class KeyvIsthmus extends EventEmitter {
  /**
   * What Keyv wants to know of a store. Keyv 5 has a list of dialects that can iterate and asks no other; ours does what it
   * asks of `redis`.
   */
  readonly opts: {
    /** Tells Keyv that this store can iterate. */
    dialect: string;
    /** `isthmus:` and the map's name. */
    url: string;
  };
  /** Set by Keyv; `clear` and `iterator` keep to it. */
  namespace: string | undefined = undefined;
  readonly #map: StringMap<unknown>;
  readonly #own: boolean;

  /**
   * @param nameOrMap the name of a SharedMap, which is opened (made if there is none), or one that is open; that one is not
   *   closed by `disconnect`
   * @param options with a name: those of `SharedMap.open`
   */
  constructor(nameOrMap: string | SharedMap<string, unknown>, options?: KeyvIsthmusOptions) {
    super();
    // Each Keyv on this adapter adds a listener for errors.
    this.setMaxListeners(0);
    const { map, own } = mapOf<unknown>(nameOrMap, options);
    this.#map = map;
    this.#own = own;
    this.opts = { dialect: 'redis', url: `isthmus:${map.name}` };
  }

  /** The map behind it. */
  get map(): SharedMap<string, unknown> {
    return this.#map;
  }

  /** The value of a key, or `undefined`. */
  async get<Value>(key: string): Promise<Value | undefined> {
    try {
      return this.#map.get(key) as Value | undefined;
    } catch (error) {
      if (this.listenerCount('error') > 0) this.emit('error', error);
      throw error;
    }
  }

  /** The values of several keys, all of one moment. */
  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return this.#map.getMany(keys) as (Value | undefined)[];
  }

  /** Sets a value. `ttl`: ms; without one (or with 0) the map's own counts. One that is over already removes the entry. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    if (isOver(ttl)) this.#map.delete(key);
    else this.#map.set(key, value, timeFor(ttl));
    return true;
  }

  /** Sets several values in one step: all, or none. */
  async setMany(entries: KeyvIsthmusEntry[]): Promise<void> {
    this.#map.transaction((tx) => {
      for (const { key, value, ttl } of entries) {
        if (isOver(ttl)) tx.delete(key);
        else tx.set(key, value, timeFor(ttl));
      }
    });
    // Keyv's types say void, but Keyv hands on to its caller what comes, and promises that it is a boolean for each.
    return entries.map(() => true) as unknown as undefined;
  }

  /** Removes a key; whether it was there. */
  async delete(key: string): Promise<boolean> {
    return this.#map.delete(key);
  }

  /** Removes several keys in one step; whether any of them was there. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return this.#map.transaction((tx) => keys.filter((key) => tx.delete(key)).length > 0);
  }

  /** Removes what is in the namespace; without a namespace everything. */
  async clear(): Promise<void> {
    if (this.namespace === undefined || this.namespace === '') this.#map.clear();
    else deletePrefixed(this.#map, `${this.namespace}:`);
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    return this.#map.has(key);
  }

  /** Which keys have a value. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return keys.map((key) => this.#map.has(key));
  }

  /** The entries of a namespace (without one: all), as `[key, value]`; see `SharedMap.entries` on changes meanwhile. */
  async *iterator<Value>(
    namespace?: string,
  ): AsyncGenerator<(string | Awaited<Value> | undefined)[], void, undefined> {
    const prefix = namespace === undefined || namespace === '' ? '' : `${namespace}:`;
    for (const [key, value] of this.#map.entries())
      if (hasPrefix(key, prefix)) yield [key, value as Awaited<Value>];
  }

  /** Closes the map, unless it was given open. What is in it stays. */
  async disconnect(): Promise<void> {
    if (this.#own) this.#map.close();
  }
}

/** Who counts how much of a time is left may come to nothing. */
function isOver(ttl: number | undefined): boolean {
  return ttl !== undefined && ttl < 0;
}

function timeFor(ttl: number | undefined): { ttl?: number } {
  return ttl === undefined || ttl === 0 ? {} : { ttl };
}

export default KeyvIsthmus;
