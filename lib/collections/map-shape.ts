/** What a SharedMap is made of: its options, its schema, and the checks on both. */

import { invalidType, MismatchError, outOfRange } from '../errors.js';
import type { Kind } from '../memory/header-layout.js';
import { randomInt32 } from '../memory/random.js';
import { type ObjectType, schemaCorrupt } from '../memory/segment.js';
import {
  type Codec,
  type CodecName,
  checkCodec,
  DEFAULT_CODEC,
  type InnerCodec,
} from '../messages/codecs.js';
import { agreeOnCodec } from '../messages/spsc-shape.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkInteger,
  checkOptions,
  checkTimeout,
  parseSize,
  type Size,
} from '../options.js';
import { makeTable } from './map-growth.js';
import { FIRST_TABLE_WORDS, JOURNAL_BYTES, MAP, MAP_WORDS_BYTES } from './map-layout.js';
import { initialiseStore, reservedAtFirst } from './store.js';
import { planStore, STORE, type StorePlan } from './store-layout.js';

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

export interface MapShape {
  readonly maxBytes: number;
  readonly codec: string;
  readonly maxEntries: number;
  readonly evict: 'none' | 'lru';
  /** ms; Infinity: never. */
  readonly ttl: number;
}

export interface MapWish extends Partial<Omit<MapShape, 'codec'>> {
  readonly codec: InnerCodec | undefined;
  readonly timeout: number;
  readonly rest: CreateOptions & AttachOptions;
}

const LEAST_BYTES = 4096;
const MOST_BYTES = 2 ** 32 - 2 ** 28;
const DEFAULT_BYTES = 64 * 1024 * 1024;
/** An entry has some 128 bytes, mostly; more of them share a stamp. */
const BYTES_A_STAMP = 128;
const MOST_ENTRIES = 2 ** 30;
/** Times are kept in two words. */
const LONGEST_TTL = 2 ** 48;

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
  return {
    kind,
    wordsBytes: () => MAP_WORDS_BYTES,
    ownerWords: () => [STORE.LOCK],
    payload(shape) {
      const plan = planMap(shape);
      return { bytes: plan.end, mirrored: false, reserved: reservedAtFirst(plan) };
    },
    schema: ({ maxBytes, codec, maxEntries, evict, ttl }) => ({
      maxBytes,
      codec,
      evict,
      ...(maxEntries < MOST_ENTRIES ? { maxEntries } : {}),
      ...(Number.isFinite(ttl) ? { ttl } : {}),
    }),
    initialise(shape, words, payload) {
      const plan = planMap(shape);
      const heap = initialiseStore(words, payload, plan);
      const memory = new Int32Array(payload);
      memory[MAP.SEED] = randomInt32();
      makeTable(memory, heap.allocate(FIRST_TABLE_WORDS));
      words[STORE.LOG_LENGTH] = 0;
    },
    parse(schema, header, path) {
      const { maxBytes, codec, evict, maxEntries = MOST_ENTRIES, ttl = Number.POSITIVE_INFINITY } = schema;
      const whole = (value: unknown, least: number, most: number): value is number =>
        Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
      const sound =
        whole(maxBytes, LEAST_BYTES, MOST_BYTES) &&
        maxBytes % LEAST_BYTES === 0 &&
        whole(maxEntries, 1, MOST_ENTRIES) &&
        (evict === 'none' || evict === 'lru') &&
        (ttl === Number.POSITIVE_INFINITY || whole(ttl, 1, LONGEST_TTL)) &&
        header.wordsBytes >= MAP_WORDS_BYTES;
      if (!sound) throw schemaCorrupt(path, 'its schema makes no sense');
      if (typeof codec !== 'string' || codec === '') throw schemaCorrupt(path, 'its schema names no codec');
      const shape: MapShape = { maxBytes, codec, evict, maxEntries, ttl };
      if (header.payloadBytes < planMap(shape).end)
        throw schemaCorrupt(path, 'its schema does not fit its size');
      return shape;
    },
  };
}

export function checkMapWish(
  options: (MapCreateOptions<never> & MapAttachOptions<never>) | undefined,
  creates: boolean,
  attaches: boolean,
): MapWish {
  const known = [
    ...(creates ? (['maxBytes', 'maxEntries', 'evict', 'ttl', ...CREATE_KEYS] as const) : []),
    ...(['codec', 'timeout'] as const),
    ...(attaches ? ATTACH_KEYS : []),
  ];
  const { maxBytes, maxEntries, evict, ttl, codec, timeout, ...rest } = checkOptions(options, known);
  if (evict !== undefined && evict !== 'none' && evict !== 'lru')
    throw invalidType('evict', "'none' or 'lru'", evict);
  return {
    codec: codec === undefined ? undefined : checkCodec(codec),
    timeout: checkTimeout(timeout),
    ...(maxBytes === undefined ? {} : { maxBytes: checkBytes(maxBytes) }),
    ...(maxEntries === undefined ? {} : { maxEntries: checkEntries(maxEntries) }),
    ...(evict === undefined ? {} : { evict }),
    ...(ttl === undefined ? {} : { ttl: checkTtl(ttl) }),
    rest,
  };
}

/** A size, rounded up to whole pages. */
export function checkBytes(size: Size): number {
  const bytes = parseSize('maxBytes', size);
  if (bytes < LEAST_BYTES || bytes > MOST_BYTES)
    throw outOfRange('maxBytes', `${LEAST_BYTES} to ${MOST_BYTES} bytes`, size);
  return Math.ceil(bytes / LEAST_BYTES) * LEAST_BYTES;
}

function checkEntries(entries: number): number {
  if (entries === Number.POSITIVE_INFINITY) return MOST_ENTRIES;
  return checkInteger('maxEntries', entries, 1, MOST_ENTRIES);
}

/** A time to live in ms: more than 0; Infinity: for ever. */
export function checkTtl(ttl: unknown): number {
  if (typeof ttl !== 'number') throw invalidType('ttl', 'a number of milliseconds', ttl);
  if (!(ttl > 0)) throw outOfRange('ttl', 'a number of milliseconds above 0 (Infinity: for ever)', ttl);
  return ttl > LONGEST_TTL ? Number.POSITIVE_INFINITY : Math.ceil(ttl);
}

export function mapShapeFor(wish: MapWish): MapShape {
  return {
    maxBytes: wish.maxBytes ?? DEFAULT_BYTES,
    codec: wish.codec?.name ?? DEFAULT_CODEC,
    maxEntries: wish.maxEntries ?? MOST_ENTRIES,
    evict: wish.evict ?? 'none',
    ttl: wish.ttl ?? Number.POSITIVE_INFINITY,
  };
}

/** Compares an existing map with what the caller gave, and nothing else. */
export function agreeOnMap(path: string, shape: MapShape, wish: MapWish): void {
  for (const key of ['maxBytes', 'maxEntries', 'evict', 'ttl'] as const) {
    if (wish[key] === undefined || wish[key] === shape[key]) continue;
    throw new MismatchError(
      `'${path}' has ${key} ${shape[key]}, not ${wish[key]}; leave the option out, or unlink it first`,
    );
  }
  agreeOnCodec(path, shape.codec, wish.codec);
}
