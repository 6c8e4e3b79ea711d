/** Keys as bytes, and their hashes. */

import { invalidType, outOfRange } from '../errors.js';
import { plainBytes } from '../messages/codecs.js';
import { KEY, KEY_LENGTH_SHIFT, KEY_TYPES, LONGEST_KEY } from './map-layout.js';
import { bigintText, parseBigint } from './store-values.js';

/** What can be a key of a `SharedMap`: what has one meaning in every process. */
export type MapKey = string | number | bigint | boolean | Uint8Array;

/** A key as bytes: the first `length` of `bytes`. */
export interface EncodedKey {
  readonly bytes: Uint8Array;
  readonly length: number;
  /** Its type and length, as in an entry's meta word. */
  readonly meta: number;
  readonly hash: number;
}

/** The last step of murmur3 (A. Appleby): every bit of the result depends on every bit given. */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** FNV-1a's prime (G. Fowler, L. Noll, K.-P. Vo). */
const PRIME = 0x01000193;

/** The key that was encoded last. */
export class KeyBuffer implements EncodedKey {
  readonly bytes = Buffer.allocUnsafeSlow(LONGEST_KEY);
  readonly #view = new DataView(this.bytes.buffer, this.bytes.byteOffset);
  readonly #seed: number;
  length = 0;
  meta = 0;
  hash = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** @throws TypeError for what cannot be a key, RangeError for one of more than 4,096 bytes */
  encode(key: unknown): this {
    switch (typeof key) {
      case 'string':
        this.#text(key);
        break;
      case 'number':
        // As in a Map: one NaN, one zero.
        this.#view.setFloat64(0, Number.isNaN(key) ? Number.NaN : key + 0, true);
        this.#finish(KEY.NUMBER, 8);
        break;
      case 'bigint':
        this.#write(bigintText(key), KEY.BIGINT, 'latin1');
        break;
      case 'boolean':
        this.bytes[0] = key ? 1 : 0;
        this.#finish(KEY.BOOLEAN, 1);
        break;
      default:
        if (!(key instanceof Uint8Array))
          throw invalidType('a key', 'a string, number, bigint, boolean or Uint8Array', key);
        if (key.length > LONGEST_KEY) throw tooLong(key.length);
        this.bytes.set(plainBytes(key));
        this.#finish(KEY.BYTES, key.length);
    }
    return this;
  }

  #text(key: string): void {
    const { length } = key;
    if (length > LONGEST_KEY) throw tooLong(length);
    const { bytes } = this;
    let hash = this.#seed ^ KEY.UTF8;
    for (let i = 0; i < length; i++) {
      const unit = key.charCodeAt(i);
      if (unit > 127) {
        if (key.isWellFormed()) this.#write(key, KEY.UTF8, 'utf8');
        else this.#write(key, KEY.UTF16, 'utf16le');
        return;
      }
      bytes[i] = unit;
      hash = Math.imul(hash ^ unit, PRIME);
    }
    this.length = length;
    this.meta = KEY.UTF8 | (length << KEY_LENGTH_SHIFT);
    this.hash = mix(hash);
  }

  #write(text: string, type: number, encoding: 'utf8' | 'utf16le' | 'latin1'): void {
    const length = Buffer.byteLength(text, encoding);
    if (length > LONGEST_KEY) throw tooLong(length);
    this.bytes.write(text, encoding);
    this.#finish(type, length);
  }

  #finish(type: number, length: number): void {
    const { bytes } = this;
    let hash = this.#seed ^ type;
    for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME);
    this.length = length;
    this.meta = type | (length << KEY_LENGTH_SHIFT);
    this.hash = mix(hash);
  }

  /** The same, with bytes of its own. */
  keep(): EncodedKey {
    const bytes = Uint8Array.prototype.slice.call(this.bytes, 0, this.length);
    return { bytes, length: this.length, meta: this.meta, hash: this.hash };
  }
}

function tooLong(length: number): RangeError {
  return outOfRange(
    'a key',
    `at most ${LONGEST_KEY} bytes; hash long keys, or keep them in the value`,
    length,
  );
}

/** Whether two keys are the same. */
export function sameKey(a: EncodedKey, b: EncodedKey): boolean {
  return (
    a.hash === b.hash &&
    a.meta === b.meta &&
    Buffer.compare(a.bytes.subarray(0, a.length), b.bytes.subarray(0, b.length)) === 0
  );
}

/** The key that private bytes are; undefined if they are none. */
export function decodeKey(meta: number, bytes: Buffer): MapKey | undefined {
  switch (meta & KEY_TYPES) {
    case KEY.UTF8:
      return bytes.toString('utf8');
    case KEY.UTF16:
      return bytes.toString('utf16le');
    case KEY.NUMBER:
      return bytes.length === 8 ? bytes.readDoubleLE(0) : undefined;
    case KEY.BIGINT:
      return parseBigint(bytes.toString('latin1'));
    case KEY.BOOLEAN:
      return bytes.length === 1 ? bytes[0] !== 0 : undefined;
    case KEY.BYTES:
      return new Uint8Array(bytes);
    default:
      return undefined;
  }
}
