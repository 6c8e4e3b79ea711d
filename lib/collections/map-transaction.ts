/** Several changes of a map that are made together, or not at all. */

import { ClosedError } from '../errors.js';
import type { InnerCodec } from '../messages/codecs.js';
import { keep, type Written } from '../messages/message.js';
import { FRAME } from '../messages/ring-layout.js';
import { expiryIn, ttlOf } from './expiry.js';
import type { MapCore } from './map-core.js';
import { addTo, findHeld, type MapContext } from './map-held.js';
import type { EncodedKey, MapKey } from './map-keys.js';
import type { MapOperation } from './map-writer.js';
import { readValue, writeValue } from './store-values.js';

/** What becomes of a key at the end. `expiry`: undefined where its time begins only then. */
interface Change {
  readonly key: EncodedKey;
  readonly value: Written | undefined;
  readonly ttl: number;
  readonly expiry: number | undefined;
}

/**
 * What `transaction(fn)` gives to `fn`: the map as it is and as `fn` has changed it so far. Nobody else sees any of it
 * before `fn` has returned.
 */
export class MapTransaction<K extends MapKey, V> {
  readonly #context: MapContext;
  readonly #changes = new Map<string, Change>();
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
    return findHeld(this.#context, encoded)?.read() as V | undefined;
  }

  /** Whether a key has a value. */
  has(key: K): boolean {
    const encoded = this.#key(key);
    const change = this.#changes.get(nameOf(encoded));
    return change === undefined ? this.#context.core.writer.find(encoded) !== 0 : change.value !== undefined;
  }

  /** Sets a value. Throws as `SharedMap.set`, but for want of room: that is found out at the end. */
  set(key: K, value: V, options?: { ttl?: number }): this {
    const ttl = ttlOf(options, this.#context.ttl);
    const encoded = this.#key(key);
    this.#note({ key: encoded, value: keep(writeValue(this.#context.codec, value)), ttl, expiry: undefined });
    return this;
  }

  /** Removes a key; whether it was there. */
  delete(key: K): boolean {
    const there = this.has(key);
    this.#note({ key: this.#key(key), value: undefined, ttl: 0, expiry: undefined });
    return there;
  }

  /** Adds to a number (0 if there is none yet; a new entry expires as one that is set); returns the sum. */
  add(key: K, amount: V & (number | bigint)): V {
    const encoded = this.#key(key);
    const change = this.#changes.get(nameOf(encoded));
    const { core, codec, ttl } = this.#context;
    const found = change === undefined ? findHeld(this.#context, encoded) : undefined;
    const sum = addTo(
      change === undefined ? found?.number() : decode(core, codec, change.value),
      amount,
    ) as V;
    const value = keep(writeValue(codec, sum));
    if (change?.value === undefined) this.#note({ key: encoded, value, ttl, expiry: found?.expiry });
    else this.#note({ ...change, value });
    return sum;
  }

  #key(key: K): EncodedKey {
    if (!this.#open)
      throw new ClosedError('this transaction is over; use what the function is given only within it');
    return this.#context.core.keys.encode(key).keep();
  }

  #note(change: Change): void {
    this.#changes.set(nameOf(change.key), change);
  }

  /** @internal The changes; nothing can be added any more. */
  finish(): MapOperation[] {
    this.#open = false;
    return Array.from(this.#changes.values(), ({ key, value, ttl, expiry }) => ({
      key,
      value,
      expiry: expiry ?? expiryIn(ttl),
    }));
  }
}

function nameOf({ meta, bytes, length }: EncodedKey): string {
  return `${meta} ${Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1')}`;
}

function decode<V>(core: MapCore, codec: InnerCodec, value: Written | undefined): V | undefined {
  if (value === undefined) return undefined;
  const part = value.bytes.subarray(value.start, value.end);
  const bytes = value.type === FRAME.BYTES ? new Uint8Array(part) : Buffer.from(part);
  return readValue(core.store.path, codec, value.type, bytes, bytes.length) as V;
}
