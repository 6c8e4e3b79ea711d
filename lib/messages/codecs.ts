/** How messages that are neither bytes nor strings become bytes and back. */

import type * as v8 from 'node:v8';
import type { Packr } from 'msgpackr';
import { describe, invalidType, outOfRange } from '../errors.js';

/**
 * A codec of your own. Both sides must use the same; its name is recorded in the object and compared on open.
 *
 * `encode` must return bytes that nobody changes before the call that encodes returns; `decode` gets bytes that are its
 * own to keep. Both are synchronous.
 */
export interface Codec<T = unknown> {
  /** Recorded in the object: whoever attaches must have a codec of this name. */
  readonly name: string;
  /** A message to bytes. What it throws becomes the `cause` of a `TypeError`. */
  encode(message: T): Uint8Array;
  /** The bytes, which are its own, to a message. */
  decode(bytes: Uint8Array): T;
}

/**
 * `'msgpack'` (default): msgpackr with the types of structured clone. `'json'`, `'v8'` (v8.serialize), `'raw'` (bytes
 * only: a message of any other type is a TypeError).
 */
export type CodecName = 'msgpack' | 'json' | 'v8' | 'raw';

/** What `encode` gives: bytes to copy, or a string to be written as UTF-8 straight into the ring. */
export interface InnerCodec {
  readonly name: string;
  encode(message: unknown): Encoded;
  /** `bytes` is private and may be reused after the call, unless `keeps`. */
  decode(bytes: Buffer, length: number): unknown;
}

/** Bytes `start` to `end` of `bytes`, valid until the next call of any codec; or text. */
export type Encoded = { readonly bytes: Uint8Array; readonly start: number; readonly end: number } | string;

function refuseFunction(value: unknown): never {
  throw new TypeError(`${describe(value)} cannot be part of a message`);
}

// One packer serves all queues of an environment: msgpackr packs synchronously into one buffer anyway. Loading it takes as
// long as loading all the rest, so it is loaded with the first object that needs it; not with the first message, which
// would be lost if that failed.
let packr: Packr | undefined;

function thePackr(): Packr {
  if (packr === undefined) {
    packr = new (packrClass())({
      structuredClone: true,
      moreTypes: true,
      copyBuffers: true, // what decode returns must not share our scratch buffer
      writeFunction: refuseFunction,
    } as object);
  }
  return packr;
}

function packrClass(): typeof Packr {
  const load = (): typeof import('msgpackr') => require('msgpackr');
  const { Packr } = load();
  if (Packr !== undefined) return Packr;
  // Broken off in the middle by a timeout of `vm`, which leaves half a module in Node's cache.
  delete require.cache[require.resolve('msgpackr')];
  return load().Packr;
}

/** msgpackr's own flags: hand out its buffer with the range instead of a new view, and reuse the space afterwards. */
const REUSE_BUFFER_MODE = 512;
const RESET_BUFFER_MODE = 1024;

interface PackTarget extends Buffer {
  start?: number;
  end?: number;
}

const msgpack: InnerCodec = {
  name: 'msgpack',
  encode(message) {
    if (typeof message === 'function') refuseFunction(message);
    const packed = thePackr().pack(message, REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as PackTarget;
    // With repeated references msgpackr returns a view of its own instead of its buffer with a range.
    const { start, end } = packed;
    if (start === undefined || end === undefined) return { bytes: packed, start: 0, end: packed.length };
    return { bytes: packed, start, end };
  },
  decode: (bytes, length) => thePackr().unpack(bytes, length as never),
};

const json: InnerCodec = {
  name: 'json',
  encode(message) {
    const text: string | undefined = JSON.stringify(message);
    if (text === undefined) throw new TypeError(`${describe(message)} has no JSON form`);
    return text;
  },
  decode: (bytes, length) => JSON.parse(bytes.toString('utf8', 0, length)),
};

let serializer: typeof v8 | undefined;

/** Loaded as msgpackr is, when an object needs it. */
function theSerializer(): typeof v8 {
  serializer ??= require('node:v8') as typeof v8;
  return serializer;
}

const v8Codec: InnerCodec = {
  name: 'v8',
  encode(message) {
    const bytes = theSerializer().serialize(message);
    return { bytes, start: 0, end: bytes.length };
  },
  decode: (bytes, length) => theSerializer().deserialize(Buffer.from(bytes.subarray(0, length))),
};

const raw: InnerCodec = {
  name: 'raw',
  encode(message) {
    throw invalidType("a message of a queue with codec 'raw'", 'a Uint8Array or Buffer', message);
  },
  decode: (bytes, length) => Uint8Array.prototype.slice.call(bytes, 0, length),
};

const BUILT_IN: Readonly<Record<CodecName, InnerCodec>> = { msgpack, json, v8: v8Codec, raw };

export const DEFAULT_CODEC = 'msgpack';

/** The codec behind an option or a schema's name; `undefined` for a name that needs the user's own object. */
export function builtInCodec(name: string): InnerCodec | undefined {
  if (!Object.hasOwn(BUILT_IN, name)) return undefined;
  const codec = BUILT_IN[name as CodecName];
  if (codec === msgpack) thePackr();
  if (codec === v8Codec) theSerializer();
  return codec;
}

/** Checks the `codec` option. */
export function checkCodec(codec: unknown): InnerCodec {
  const expected = `${Object.keys(BUILT_IN)
    .map((name) => `'${name}'`)
    .join(', ')}, or an object { name, encode, decode }`;
  if (typeof codec === 'string') {
    const known = builtInCodec(codec);
    if (known === undefined) throw outOfRange('codec', expected, codec);
    return known;
  }
  const custom = codec as Partial<Codec> | null;
  if (typeof custom !== 'object' || custom === null) throw invalidType('codec', expected, codec);
  const { name } = custom;
  if (
    typeof name !== 'string' ||
    name === '' ||
    typeof custom.encode !== 'function' ||
    typeof custom.decode !== 'function'
  ) {
    throw invalidType('codec', expected, codec);
  }
  if (builtInCodec(name) !== undefined)
    throw outOfRange('codec.name', 'a name of its own (this one is built in)', name);
  return wrap(custom as Codec);
}

/** Bytes as an array of a class that runs no code of others: a subclass decides what its `slice` and `subarray` give. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  const prototype: unknown = Object.getPrototypeOf(bytes);
  if (prototype === Uint8Array.prototype || prototype === Buffer.prototype) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function wrap(codec: Codec): InnerCodec {
  return {
    name: codec.name,
    encode(message) {
      const bytes: unknown = codec.encode(message);
      if (!(bytes instanceof Uint8Array))
        throw invalidType(`what codec '${codec.name}' encodes to`, 'a Uint8Array', bytes);
      const plain = plainBytes(bytes);
      return { bytes: plain, start: 0, end: plain.length };
    },
    decode: (bytes, length) => codec.decode(Uint8Array.prototype.slice.call(bytes, 0, length)),
  };
}
