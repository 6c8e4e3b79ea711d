/** What a SharedMap is made of: its options, its schema, and the checks on both. */

import { invalidType } from '../errors.js';
import type { Kind } from '../memory/header-layout.js';
import { randomInt32 } from '../memory/random.js';
import type { ObjectType } from '../memory/segment.js';
import type { Codec, CodecName } from '../messages/codecs.js';
import { type AttachOptions, type CreateOptions, checkInteger, type Size } from '../options.js';
import { checkTtl, LONGEST_TTL } from './expiry.js';
import { makeTable } from './map-growth.js';
import { FIRST_TABLE_WORDS, JOURNAL_BYTES, MAP, MAP_WORDS_BYTES } from './map-layout.js';
import { planStore, type StorePlan } from './store-layout.js';
import {
  agreeOnStore,
  checkStoreWish,
  isWhole,
  type StoreShape,
  type StoreWish,
  storeShapeFor,
  storeType,
} from './store-shape.js';

/** Options that belong to the handle, not to the object. */
export interface MapHandleOptions<V = unknown> {
  /** How values that are no numbers, bigints, bytes or strings travel; default `'msgpack'`. */
  codec?: CodecName | Codec<V>;
  /**
   * ms for which a call waits for another process that changes the map: then `TimeoutError`. Default: for ever. A change
   * takes microseconds, unless its process is stopped in the middle, or runs a function of its own (`update`, `transaction`).
   */
  timeout?: number;
}

/** Options for making a SharedMap; with `open` they must agree with a map that exists. */
export interface MapCreateOptions<V = unknown> extends CreateOptions, MapHandleOptions<V> {
  /** How large it may become: bytes from 4,096, or a string such as `'64MB'` (the default). Memory is taken as it grows. */
  maxBytes?: Size;
  /** How many entries there may be; default: as many as fit. */
  maxEntries?: number;
  /**
   * What happens when it is full: `'none'` (default): `FullError`. `'lru'`: entries that were used longest ago go, roughly:
   * of 8 chosen at random the oldest.
   */
  evict?: 'none' | 'lru';
  /** ms after which an entry is gone, unless it is set again; default: never. */
  ttl?: number;
}

/** Options for attaching: a codec of your own must be given again, everything else is read from the object. */
export interface MapAttachOptions<V = unknown> extends AttachOptions, MapHandleOptions<V> {}

export interface MapShape extends StoreShape {
  readonly maxEntries: number;
  readonly evict: 'none' | 'lru';
  /** ms; Infinity: never. */
  readonly ttl: number;
}

export interface MapWish extends StoreWish, Partial<Omit<MapShape, keyof StoreShape>> {}

const LIMITS = ['maxEntries', 'evict', 'ttl'] as const;
/** An entry has some 128 bytes, mostly; more of them share a stamp. */
const BYTES_A_STAMP = 128;
/** So many, or no limit. */
export const MOST_ENTRIES = 2 ** 30;

/** How many stamps a map has: a power of two; 0 if nothing is evicted. */
export function stampsFor({ evict, maxBytes, maxEntries }: MapShape): number {
  if (evict === 'none') return 0;
  const entries = Math.min(maxEntries, maxBytes / BYTES_A_STAMP);
  return 2 ** Math.max(6, Math.min(24, Math.ceil(Math.log2(entries))));
}

export function planMap(shape: MapShape): StorePlan {
  return planStore(shape.maxBytes, stampsFor(shape), JOURNAL_BYTES);
}

/** The kind of object that a map, or what is built on one, is. */
export function mapType(kind: Kind): ObjectType<MapShape> {
  return storeType<MapShape>({
    kind,
    wordsBytes: MAP_WORDS_BYTES,
    plan: planMap,
    limits: ({ maxEntries, evict, ttl }) => ({
      evict,
      ...(maxEntries < MOST_ENTRIES ? { maxEntries } : {}),
      ...(Number.isFinite(ttl) ? { ttl } : {}),
    }),
    parseLimits({ evict, maxEntries = MOST_ENTRIES, ttl = Number.POSITIVE_INFINITY }) {
      if (!isWhole(maxEntries, 1, MOST_ENTRIES)) return undefined;
      if (evict !== 'none' && evict !== 'lru') return undefined;
      if (ttl !== Number.POSITIVE_INFINITY && !isWhole(ttl, 1, LONGEST_TTL)) return undefined;
      return { maxEntries, evict, ttl };
    },
    initialise(memory, heap) {
      memory[MAP.SEED] = randomInt32();
      makeTable(memory, heap.allocate(FIRST_TABLE_WORDS));
    },
  });
}

/** A namespace has none of a map's limits. */
export function checkMapWish(
  kind: 'map' | 'namespace',
  options: (MapCreateOptions<never> & MapAttachOptions<never>) | undefined,
  creates: boolean,
  attaches: boolean,
): MapWish {
  const store = checkStoreWish(options, creates, attaches, kind === 'map' ? LIMITS : []);
  const { maxEntries, evict, ttl, ...rest } = store.rest as MapCreateOptions<never>;
  if (evict !== undefined && evict !== 'none' && evict !== 'lru')
    throw invalidType('evict', "'none' or 'lru'", evict);
  return {
    ...store,
    ...(maxEntries === undefined ? {} : { maxEntries: checkEntries(maxEntries) }),
    ...(evict === undefined ? {} : { evict }),
    ...(ttl === undefined ? {} : { ttl: checkTtl(ttl) }),
    rest,
  };
}

function checkEntries(entries: number): number {
  if (entries === Number.POSITIVE_INFINITY) return MOST_ENTRIES;
  return checkInteger('maxEntries', entries, 1, MOST_ENTRIES);
}

export function mapShapeFor(wish: MapWish): MapShape {
  return {
    ...storeShapeFor(wish),
    maxEntries: wish.maxEntries ?? MOST_ENTRIES,
    evict: wish.evict ?? 'none',
    ttl: wish.ttl ?? Number.POSITIVE_INFINITY,
  };
}

/** Compares an existing map with what the caller gave, and nothing else. */
export function agreeOnMap(path: string, shape: MapShape, wish: MapWish): void {
  agreeOnStore(path, shape, wish, LIMITS);
}
