/** An entry of a map while the lock is held: looked up, compared, added to. */

import { invalidType, outOfRange } from '../errors.js';
import type { InnerCodec } from '../messages/codecs.js';
import type { Written } from '../messages/message.js';
import { FRAME } from '../messages/ring-layout.js';
import type { MapCore } from './map-core.js';
import type { EncodedKey } from './map-keys.js';
import { HELD } from './store.js';
import { VALUE } from './store-layout.js';
import { readValue } from './store-values.js';

/** How a call writes values. */
export interface MapContext {
  readonly core: MapCore;
  readonly codec: InnerCodec;
  /** ms that new entries have to live; Infinity: for ever. */
  readonly ttl: number;
}

/** What is in memory under a key. */
interface Found {
  readonly expiry: number;
  /** Decodes it, which may run the user's code. */
  read(): unknown;
  /** It, if it is a number or a bigint; something that is none, otherwise. */
  number(): unknown;
}

/** Looks a key up, with the lock held. */
export function findHeld({ core, codec }: MapContext, key: EncodedKey): Found | undefined {
  const { reader, store } = core;
  if (!reader.find(key, HELD)) return undefined;
  const { type, expiry } = reader;
  const bytes = reader.own(); // the user's code may read other keys
  const read = () => readValue(store.path, codec, type, bytes, bytes.length);
  return { expiry, read, number: () => (type === VALUE.NUMBER || type === VALUE.BIGINT ? read() : bytes) };
}

/** @throws TypeError if they are not both numbers, or both bigints; RangeError for a sum that is not exact, or no number */
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
  const sum = ((before as number | undefined) ?? 0) + amount;
  const whole = Number.isInteger(before ?? 0) && Number.isInteger(amount);
  if (!Number.isFinite(sum) || (whole && !Number.isSafeInteger(sum))) {
    throw outOfRange('the sum', 'a finite number, and a whole one within 2^53 (bigints have no limit)', sum);
  }
  return sum;
}

/** With the lock held: whether what is in memory is, byte for byte, what a value is written as. */
export function holds({ core }: MapContext, key: EncodedKey, expected: Written): boolean {
  const { reader } = core;
  if (!reader.find(key, HELD)) return false;
  const { start, end, bytes, type } = expected;
  const sameType = type === reader.type || (type <= FRAME.BUFFER && reader.type <= FRAME.BUFFER); // a Buffer is as good as its bytes
  if (!sameType || reader.length !== end - start) return false;
  if (type === VALUE.NUMBER) {
    const number = (of: Uint8Array, at: number) =>
      Buffer.from(of.buffer, of.byteOffset + at, 8).readDoubleLE(0);
    return Object.is(number(bytes, start), number(reader.bytes, 0));
  }
  return Buffer.compare(bytes.subarray(start, end), reader.bytes.subarray(0, reader.length)) === 0;
}
