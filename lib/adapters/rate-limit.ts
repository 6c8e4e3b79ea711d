/** `isthmus/rate-limit`: a store for express-rate-limit. It needs nothing of that package but its contract. */

import { invalidType, outOfRange } from '../errors.js';
import type { AttachOptions, MapCreateOptions, SharedMap } from '../index.js';
import { deletePrefixed, mapOf, type StringMap } from './map-of.js';

/** Options of {@link SharedMemoryStore}; with a name also those of `SharedMap.open`. */
export interface SharedMemoryStoreOptions extends MapCreateOptions, AttachOptions {
  /** What stands before each key in the map; default `'rl:'`. Each limiter needs one of its own. */
  prefix?: string;
}

/** What express-rate-limit learns of a client. */
export interface ClientHits {
  /** Its hits in this window. */
  totalHits: number;
  /** When the window ends. */
  resetTime: Date;
}

/**
 * What is stored for a client: its hits in this window; when that ends, in ms of the machine's clock that never jumps; and by
 * the time of day, for people, the same for each hit.
 */
type Window = readonly [hits: number, end: number, resetTime: number];

/**
 * A store for [express-rate-limit](https://www.npmjs.com/package/express-rate-limit): all processes that use the same name
 * (cluster workers, pm2, programs started by themselves) count together, and exactly.
 *
 * ```js
 * import express from 'express';
 * import { rateLimit } from 'express-rate-limit';
 * import { unlink } from 'isthmus';
 * import { SharedMemoryStore } from 'isthmus/rate-limit';
 *
 * const store = new SharedMemoryStore('example-rate-limit');
 * const app = express();
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, store }));
 * app.get('/', (request, response) => response.send(`${request.rateLimit.remaining} left`));
 *
 * const server = app.listen(0, '127.0.0.1', async () => {
 *   const answer = await fetch(`http://127.0.0.1:${server.address().port}`);
 *   console.log(await answer.text()); // 99 left
 *   server.close();
 *   store.shutdown();
 *   unlink('example-rate-limit');
 * });
 * ```
 *
 * A window begins with a client's first hit and ends `windowMs` later; the next hit begins another one. Where it ends is part
 * of what is stored, so of all that race at that moment each is counted in exactly one window. With `evict: 'lru'` a map that
 * is full forgets clients; without, `increment` throws `FullError`, and express-rate-limit's `passOnStoreError` decides.
 */
export class SharedMemoryStore {
  /** Other stores with the same name see the same keys: express-rate-limit looks for keys that are counted twice. */
  readonly localKeys = false;
  /** What stands before each key in the map. */
  readonly prefix: string;
  #windowMs = 60_000; // express-rate-limit's default
  readonly #map: StringMap<Window>;
  readonly #own: boolean;

  /**
   * @param nameOrMap the name of a SharedMap, which is opened (made if there is none), or one that is open; that one is not
   *   closed by `shutdown`
   */
  constructor(nameOrMap: string | SharedMap<string, unknown>, options: SharedMemoryStoreOptions = {}) {
    if (typeof options !== 'object' || options === null) throw invalidType('options', 'an object', options);
    const { prefix = 'rl:', ...rest } = options;
    if (typeof prefix !== 'string') throw invalidType('prefix', 'a string', prefix);
    const { map, own } = mapOf(nameOrMap as string | StringMap<Window>, rest);
    this.prefix = prefix;
    this.#map = map;
    this.#own = own;
  }

  /** The map behind it. */
  get map(): SharedMap<string, unknown> {
    return this.#map as SharedMap<string, unknown>;
  }

  /** Called by express-rate-limit with the limiter's options. */
  init({ windowMs }: { windowMs: number }): void {
    if (typeof windowMs !== 'number') throw invalidType('windowMs', 'a number of milliseconds', windowMs);
    if (!(windowMs > 0 && Number.isFinite(windowMs)))
      throw outOfRange('windowMs', 'a number of milliseconds above 0', windowMs);
    this.#windowMs = windowMs;
  }

  /** The hits of a client in its window, `undefined` if it has none. */
  get(key: string): ClientHits | undefined {
    const window = liveWindow(this.#map.get(this.prefix + key), machineNow());
    return window === undefined ? undefined : told(window);
  }

  /** Counts a hit: one step, also for all others. */
  increment(key: string): ClientHits {
    return this.#map.transaction((tx) => {
      const before = tx.get(this.prefix + key);
      const now = machineNow();
      const [hits, end, resetTime] = liveWindow(before, now) ?? this.#windowFrom(now);
      const window: Window = [hits + 1, end, resetTime];
      // Not the map's expiry but `end` tells whether a window is over; the entry goes at the same time or a little later.
      tx.set(this.prefix + key, window, { ttl: end - now });
      return told(window);
    });
  }

  #windowFrom(now: number): Window {
    return [0, now + this.#windowMs, Date.now() + this.#windowMs];
  }

  /** Takes a hit back, if the client's window is not over. */
  decrement(key: string): void {
    this.#map.transaction((tx) => {
      const before = tx.get(this.prefix + key);
      const now = machineNow();
      const [hits, end, resetTime] = liveWindow(before, now) ?? [0, 0, 0];
      if (hits > 0) tx.set(this.prefix + key, [hits - 1, end, resetTime], { ttl: end - now });
    });
  }

  /** Forgets a client. */
  resetKey(key: string): void {
    this.#map.delete(this.prefix + key);
  }

  /** Forgets all clients of this limiter (of its prefix). */
  resetAll(): void {
    deletePrefixed(this.#map, this.prefix);
  }

  /** Closes the map, unless it was given open. What is in it stays. */
  shutdown(): void {
    if (this.#own) this.#map.close();
  }
}

/** CLOCK_MONOTONIC in ms: one clock for all processes of the machine, and it never jumps. */
function machineNow(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

function liveWindow(window: Window | undefined, now: number): Window | undefined {
  return window !== undefined && window[1] > now ? window : undefined;
}

function told([totalHits, , resetTime]: Window): ClientHits {
  return { totalHits, resetTime: new Date(resetTime) };
}

export default SharedMemoryStore;
