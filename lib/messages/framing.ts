/** Between messages and frames: what a message is, how it gets into the ring and out again. */

import { outOfRange } from '../errors.js';
import type { InnerCodec } from './codecs.js';
import { bytesType, encodeWith, keep, read, type Written, write } from './message.js';
import { FRAME } from './ring-layout.js';
import type { RingReader } from './ring-reader.js';
import type { RingWriter } from './ring-writer.js';

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
    const encoded = encodeWith(this.#codec, message);
    if (typeof encoded === 'string') return this.#writeText(encoded, FRAME.CODEC);
    return this.#writeBytes(encoded.bytes, encoded.start, encoded.end, FRAME.CODEC);
  }

  /** A message that has no room yet, encoded once and kept private until it has. Throws for one that can never be written. */
  prepare(message: unknown): Written {
    const prepared = keep(write(this.#codec, message));
    this.#checkLength(prepared.end);
    return prepared;
  }

  tryWritePrepared({ bytes, start, end, type }: Written): boolean {
    return this.#writeBytes(bytes, start, end, type);
  }

  #checkLength(length: number): void {
    const { largest } = this.#ring;
    if (length <= largest) return;
    throw outOfRange(
      `a message of '${this.#path}'`,
      `at most ${largest} bytes (capacity - 8); create it with a larger capacity`,
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
  readonly #plain: Uint8Array;
  #scratch = Buffer.from(new ArrayBuffer(8192));
  #scratchWords = new Int32Array(this.#scratch.buffer);

  constructor(path: string, ring: RingReader, codec: InnerCodec) {
    this.#path = path;
    this.#ring = ring;
    this.#codec = codec;
    this.#ringWords = new Int32Array(ring.bytes.buffer, ring.bytes.byteOffset, ring.bytes.length / 4);
    this.#plain = new Uint8Array(ring.bytes.buffer, ring.bytes.byteOffset, ring.bytes.length);
  }

  /** The message of the frame that `next` found. Throws CorruptError for what is none. */
  read(): unknown {
    const { offset, length, type, bytes } = this.#ring;
    switch (type) {
      case FRAME.BYTES:
        return this.#plain.slice(offset, offset + length); // V8 keeps 64 bytes and less on its own heap: 40 ns, not 1 µs
      case FRAME.BUFFER: {
        const copy = Buffer.allocUnsafe(length);
        bytes.copy(copy, 0, offset, offset + length);
        return copy;
      }
      default:
        return read(this.#path, this.#codec, { type, bytes: this.#copyOut(offset, length), length });
    }
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
