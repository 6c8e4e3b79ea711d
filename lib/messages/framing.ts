/** Between messages and frames: what a message is, how it gets into the ring and out again. */

import { type CorruptError, describe, invalidType, outOfRange } from '../errors.js';
import type { Encoded, InnerCodec } from './codecs.js';
import { FRAME } from './ring-layout.js';
import type { RingReader } from './ring-reader.js';
import { corrupt, type RingWriter } from './ring-writer.js';

/** A message that had no room yet, encoded once and kept private until it has. */
export interface Prepared {
  readonly bytes: Uint8Array;
  readonly type: number;
}

/** Writes messages into a ring (finished, not published). */
export class FrameWriter {
  readonly #path: string;
  readonly #ring: RingWriter;
  readonly #codec: InnerCodec;

  constructor(path: string, ring: RingWriter, codec: InnerCodec) {
    this.#path = path;
    this.#ring = ring;
    this.#codec = codec;
  }

  /** Writes the message if there is room now. Throws, having changed nothing, for one that can never be written. */
  tryWrite(message: unknown): boolean {
    if (message instanceof Uint8Array)
      return this.#writeBytes(message, 0, message.length, bytesType(message));
    if (typeof message === 'string' && this.#codec.name !== 'raw') {
      return message.isWellFormed() ? this.#writeText(message, FRAME.UTF8) : this.#writeUtf16(message);
    }
    const encoded = this.#encode(message);
    if (typeof encoded === 'string') return this.#writeText(encoded, FRAME.CODEC);
    return this.#writeBytes(encoded.bytes, encoded.start, encoded.end, FRAME.CODEC);
  }

  /** Encodes a message for later. Throws for one that can never be written. */
  prepare(message: unknown): Prepared {
    const prepared = this.#prepare(message);
    this.#checkLength(prepared.bytes.length);
    return prepared;
  }

  #prepare(message: unknown): Prepared {
    // Copied: the caller may change its bytes while it waits.
    if (message instanceof Uint8Array)
      return { bytes: Uint8Array.prototype.slice.call(message), type: bytesType(message) };
    if (typeof message === 'string' && this.#codec.name !== 'raw') {
      if (message.isWellFormed()) return { bytes: Buffer.from(message, 'utf8'), type: FRAME.UTF8 };
      return { bytes: Buffer.from(message, 'utf16le'), type: FRAME.UTF16 };
    }
    const encoded = this.#encode(message);
    if (typeof encoded === 'string') return { bytes: Buffer.from(encoded, 'utf8'), type: FRAME.CODEC };
    return {
      bytes: Uint8Array.prototype.slice.call(encoded.bytes, encoded.start, encoded.end),
      type: FRAME.CODEC,
    };
  }

  tryWritePrepared({ bytes, type }: Prepared): boolean {
    return this.#writeBytes(bytes, 0, bytes.length, type);
  }

  #encode(message: unknown): Encoded {
    if (message === undefined) {
      throw invalidType(
        'a message',
        'anything but undefined (which means "nothing" when received); use null',
        message,
      );
    }
    try {
      return this.#codec.encode(message);
    } catch (cause) {
      if ((cause as { code?: unknown }).code === 'ERR_INVALID_ARG_TYPE') throw cause; // it says all there is to say
      const reason = cause instanceof Error ? cause.message : String(cause);
      const error = new TypeError(
        `codec '${this.#codec.name}' cannot encode ${describe(message)}: ${reason}`,
        { cause },
      );
      throw Object.assign(error, { code: 'ERR_INVALID_ARG_VALUE' });
    }
  }

  #checkLength(length: number): void {
    const { largest } = this.#ring;
    if (length <= largest) return;
    throw outOfRange(
      `a message of '${this.#path}'`,
      `at most ${largest} bytes (capacity - 8); create the queue with a larger capacity`,
      length,
    );
  }

  #writeBytes(bytes: Uint8Array, start: number, end: number, type: number): boolean {
    const ring = this.#ring;
    const length = end - start;
    if (ring.room(length) < length) {
      this.#checkLength(length);
      return false;
    }
    const whole = start === 0 && end === bytes.length;
    if (length > 0) ring.bytes.set(whole ? bytes : bytes.subarray(start, end), ring.offset);
    ring.finish(length, type);
    return true;
  }

  #writeText(text: string, type: number): boolean {
    const ring = this.#ring;
    // A UTF-16 unit takes at most three bytes of UTF-8: mostly no need to count.
    const most = text.length * 3;
    const room = ring.room(most);
    if (room < most) {
      const length = Buffer.byteLength(text, 'utf8');
      if (room < length) {
        this.#checkLength(length);
        return false;
      }
    }
    const length = text === '' ? 0 : ring.bytes.write(text, ring.offset, room, 'utf8');
    ring.finish(length, type);
    return true;
  }

  #writeUtf16(text: string): boolean {
    const ring = this.#ring;
    const length = text.length * 2;
    if (ring.room(length) < length) {
      this.#checkLength(length);
      return false;
    }
    ring.bytes.write(text, ring.offset, length, 'utf16le');
    ring.finish(length, FRAME.UTF16);
    return true;
  }
}

function bytesType(message: Uint8Array): number {
  return Buffer.isBuffer(message) ? FRAME.BUFFER : FRAME.BYTES;
}

/** Beyond this a decoded message's private copy is not kept for the next one. */
const SCRATCH_MOST = 1024 * 1024;
/** Up to here copying 32-bit words in JavaScript beats making a view for a bulk copy. */
const SMALL = 128;

/** Reads messages out of a ring: copied first, looked at afterwards, for the ring is shared memory. */
export class FrameReader {
  readonly #path: string;
  readonly #ring: RingReader;
  readonly #codec: InnerCodec;
  readonly #ringWords: Int32Array;
  #scratch = Buffer.from(new ArrayBuffer(8192));
  #scratchWords = new Int32Array(this.#scratch.buffer);

  constructor(path: string, ring: RingReader, codec: InnerCodec) {
    this.#path = path;
    this.#ring = ring;
    this.#codec = codec;
    this.#ringWords = new Int32Array(ring.bytes.buffer, ring.bytes.byteOffset, ring.bytes.length / 4);
  }

  /** The message of the frame that `next` found. Throws CorruptError for what is none. */
  read(): unknown {
    const { offset, length, type, bytes } = this.#ring;
    switch (type) {
      case FRAME.BYTES:
        return new Uint8Array(
          bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length),
        );
      case FRAME.BUFFER: {
        const copy = Buffer.allocUnsafe(length);
        bytes.copy(copy, 0, offset, offset + length);
        return copy;
      }
      case FRAME.UTF8:
        return this.#text(offset, length, 'utf8');
      case FRAME.UTF16:
        return this.#text(offset, length, 'utf16le');
      case FRAME.CODEC: {
        const copy = this.#copyOut(offset, length);
        try {
          const message = this.#codec.decode(copy, length);
          if (message === undefined) throw new Error('it gives undefined, which nobody can have put');
          return message;
        } catch (cause) {
          throw this.#undecodable(`codec '${this.#codec.name}' cannot decode a message`, cause);
        }
      }
      default:
        throw corrupt(this.#path, `a frame of unknown type ${type >>> 0}; it was dropped`);
    }
  }

  #text(offset: number, length: number, encoding: 'utf8' | 'utf16le'): string {
    const copy = this.#copyOut(offset, length);
    try {
      return copy.toString(encoding, 0, length);
    } catch (cause) {
      // Longer than strings can be.
      throw this.#undecodable(`a frame says that its ${length} bytes are a string`, cause);
    }
  }

  #undecodable(what: string, cause: unknown): CorruptError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return Object.assign(corrupt(this.#path, `${what} (${reason}); it was dropped`), { cause });
  }

  #copyOut(offset: number, length: number): Buffer {
    if (length > this.#scratch.length) {
      const room = Buffer.from(new ArrayBuffer((length + 4095) & ~4095));
      room.set(this.#ring.bytes.subarray(offset, offset + length));
      if (room.length <= SCRATCH_MOST) {
        this.#scratch = room;
        this.#scratchWords = new Int32Array(room.buffer);
      }
      return room;
    }
    if (length > SMALL) {
      this.#scratch.set(this.#ring.bytes.subarray(offset, offset + length));
    } else {
      const from = offset >> 2; // frames are aligned to 8 and padded, so whole words may be copied
      const words = (length + 3) >> 2;
      for (let word = 0; word < words; word++) this.#scratchWords[word] = this.#ringWords[from + word]!;
    }
    return this.#scratch;
  }
}
