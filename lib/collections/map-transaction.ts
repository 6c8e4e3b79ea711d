/** Several changes of a map that are made together, or not at all. */

import { ClosedError, invalidType, outOfRange } from '../errors.js';
import type { InnerCodec } from '../messages/codecs.js';
import { keep, type Written } from '../messages/message.js';
import type { MapCore } from './map-core.js';
import type { EncodedKey, MapKey } from './map-keys.js';
import { VALUE } from './map-layout.js';
import { readValue, writeValue } from './map-values.js';
import type { MapOperation } from './map-writer.js';
import { HELD } from './store.js';

/** How a call writes values. */
export interface MapContext {
  readonly core: MapCore;
  readonly codec: InnerCodec;
  /** When an entry that is written now ends to be; `ttl` in ms, undefined: the map's. */
  expiry(ttl: number | undefined): number;
}

/**
 * What `transaction(fn)` gives to `fn`: the map as it is and as `fn` has changed it so far. Nobody else sees any of it
 * before `fn` has returned.
 */
export class MapTransaction<K extends MapKey, V> {
  readonly #context: MapContext;
  readonly #changes = new Map<string, MapOperation>();
  #open = true;

  /** @internal */
  constructor(context: MapContext) {
    this.#context = context;
  }

  /** The value of a key, or `undefined`. */
  get(key: K): V | undefined {
    const encoded = this.#key(key);
    const change = this.#changes.get(nameOf(encoded));
    const { core, codec } = this.#context;
    if (change !== undefined) return decode<V>(core, codec, change.value);
    return current<V>(this.#context, encoded, HELD);
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    const encoded = this.#key(key);
    const change = this.#changes.get(nameOf(encoded));
    return change === undefined ? this.#context.core.writer.find(encoded) !== 0 : change.value !== undefined;
  }

  /** Sets a value. Throws as `SharedMap.set`, but for want of room: that is found out at the end. */
  set(key: K, value: V, options?: { ttl?: number }): this {
    const encoded = this.#key(key);
    const written = keep(writeValue(this.#context.codec, value));
    this.#note(encoded, written, this.#context.expiry(options?.ttl));
    return this;
  }

  /** Removes a key; whether it was there. */
  delete(key: K): boolean {
    const there = this.has(key);
    this.#note(this.#key(key), undefined, Number.POSITIVE_INFINITY);
    return there;
  }

  /** Adds to a number (0 if there is none yet; a new entry expires as one that is set); returns the sum. */
  add(key: K, amount: V & (number | bigint)): V {
    const before = this.get(key);
    const kept = keptExpiry(this.#context, before, undefined);
    const sum = addTo(before, amount) as V;
    const encoded = this.#key(key);
    const change = this.#changes.get(nameOf(encoded));
    const expiry = change?.value === undefined ? kept : change.expiry;
    this.#note(encoded, keep(writeValue(this.#context.codec, sum)), expiry);
    return sum;
  }

  #key(key: K): EncodedKey {
    if (!this.#open)
      throw new ClosedError('this transaction is over; use what the function is given only within it');
    return this.#context.core.keys.encode(key).keep();
  }

  #note(key: EncodedKey, value: Written | undefined, expiry: number): void {
    this.#changes.set(nameOf(key), { key, value, expiry });
  }

  /** @internal The changes; nothing can be added any more. */
  finish(): MapOperation[] {
    this.#open = false;
    return [...this.#changes.values()];
  }
}

function nameOf({ meta, bytes, length }: EncodedKey): string {
  return `${meta} ${Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1')}`;
}

function decode<V>(core: MapCore, codec: InnerCodec, value: Written | undefined): V | undefined {
  if (value === undefined) return undefined;
  const bytes = Buffer.from(value.bytes.subarray(value.start, value.end));
  return readValue(core.store.path, codec, value.type, bytes, bytes.length) as V;
}

/** The value of a key in memory, now. `timeout`: as for MapReader.find. */
export function current<V>({ core, codec }: MapContext, key: EncodedKey, timeout: number): V | undefined {
  const { reader } = core;
  if (!reader.find(key, timeout)) return undefined;
  return readValue(core.store.path, codec, reader.type, reader.bytes, reader.length) as V;
}

/**
 * When an entry that is changed where it is ends to be: as before, or (`before` undefined) as one that is set now. To be asked
 * right after {@link current}: of one look at the clock, or an entry that expires between two would live on with a new time.
 */
export function keptExpiry(context: MapContext, before: unknown, ttl: number | undefined): number {
  return before === undefined ? context.expiry(ttl) : context.core.reader.expiry;
}

/** @throws TypeError if they are not both numbers, or both bigints; RangeError for a sum that is no number */
export function addTo(before: unknown, amount: unknown): number | bigint {
  if (typeof amount === 'bigint') {
    if (before === undefined) return amount;
    if (typeof before === 'bigint') return before + amount;
    throw invalidType('what a bigint is added to', 'a bigint (or nothing yet)', before);
  }
  if (typeof amount !== 'number') throw invalidType('what is added', 'a number or a bigint', amount);
  if (!Number.isFinite(amount)) throw outOfRange('what is added', 'a finite number', amount);
  if (before !== undefined && typeof before !== 'number')
    throw invalidType('what a number is added to', 'a number (or nothing yet)', before);
  return (before ?? 0) + amount;
}

/** With the lock held: whether what is in memory is, byte for byte, what a value is written as. */
export function holds({ core }: MapContext, key: EncodedKey, expected: Written): boolean {
  const { reader } = core;
  if (!reader.find(key, HELD)) return false;
  const { start, end, bytes, type } = expected;
  const sameType = type === reader.type || (type <= 1 && reader.type <= 1); // a Buffer is as good as its bytes
  if (!sameType || reader.length !== end - start) return false;
  if (type === VALUE.NUMBER) {
    const number = (of: Uint8Array, at: number) =>
      Buffer.from(of.buffer, of.byteOffset + at, 8).readDoubleLE(0);
    return Object.is(number(bytes, start), number(reader.bytes, 0));
  }
  return Buffer.compare(bytes.subarray(start, end), reader.bytes.subarray(0, reader.length)) === 0;
}
