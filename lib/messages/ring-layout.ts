/**
 * A ring of messages: its control words and its frames. Offsets only; ring-writer.ts and ring-reader.ts are the algorithm.
 *
 * ```text
 *  word 0            word 32           word 64            word 96            word 128
 *  ├─ tail ─┬ (pad) ─┼─ head ─┬ (pad) ─┼─ producer ┬ pad ─┼─ consumer ┬ pad ─┼─ start ─┬ …
 *  │ writer │        │ reader │        │ owner word│      │ owner word│      │ once    │
 *
 *  a frame, at a multiple of 8:      0            4          8                      8 + length, rounded up to 8
 *                                    ├─ length ───┼─ type ───┼─ the message's bytes ─┴─ (pad) ─┤
 * ```
 *
 * Positions are 32-bit byte counts that wrap; a frame lies at position & (ring size - 1). Frames are multiples of 8, so
 * the low three bits of a published position are free for flags.
 */

/** Control words, as indexes of 32-bit words, 128 bytes apart: each is written by one side most of the time. */
export const RING = {
  /** Written by the producer: the position behind the last published frame, with TAIL flags. */
  TAIL: 0,
  /** Written by the consumer: the position of the first frame not consumed, with HEAD flags. */
  HEAD: 32,
  /** Owner words (see memory/roster-layout.ts): who has the role. */
  PRODUCER: 64,
  CONSUMER: 96,
  /** Where both positions began; written once. */
  START: 128,
} as const;

export const RING_WORDS_BYTES = 4096;

/** In either position: the other side sleeps until this word changes; publishing clears it and says so. */
export const SLEEPS = 1;
/** In the tail: nothing will follow. Final. */
export const ENDED = 2;
/** In the head, of a pipe: nothing will be taken any more. Final. */
export const GONE = 4;
export const FLAGS = 7;

/** A frame: u32 length, u32 type, then the bytes. */
export const FRAME_BYTES = 8;

/** What a frame holds (the type word). */
export const FRAME = {
  BYTES: 0, // a Uint8Array
  BUFFER: 1, // a Node Buffer
  UTF8: 2, // a string
  UTF16: 3, // a string with lone surrogates, which UTF-8 cannot carry
  CODEC: 4, // anything else, through the queue's codec
} as const;

/** Ring sizes are powers of two between these, so that one layout serves every page size and positions fit 32 bits. */
export const RING_LEAST = 64 * 1024;
export const RING_MOST = 1024 ** 3;
/** The capacity limits what is used of the ring: any multiple of 8 from here. */
export const CAPACITY_LEAST = 64;
