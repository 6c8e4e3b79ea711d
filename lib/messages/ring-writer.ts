/**
 * The producer's half of a ring: publish after write (rigtorp's SPSCQueue), the sleep flag in the published word
 * (WebKit's StreamConnectionBuffer). A producer that dies before it publishes has changed nothing that anybody sees.
 */

import { damaged } from '../errors.js';
import { native } from '../native/load.js';
import { PENDING, type WaitPoint } from '../waiting/blocking.js';
import { ENDED, FLAGS, FRAME_BYTES, GONE, RING, SLEEPS } from './ring-layout.js';
import { introduce, movedAway } from './ring-sides.js';

/** Small messages: so many bytes of the ring are asked of the processor ahead of their turn. */
export const STRIDE = 1024;

export class RingWriter {
  readonly capacity: number;
  /** The ring, mapped twice in a row: a message at any offset is contiguous. */
  readonly bytes: Buffer;
  readonly #path: string;
  readonly #words: Int32Array;
  readonly #frames: Int32Array;
  readonly #mask: number;
  /** Behind the last frame written, published or not. Ours alone. */
  #tail: number;
  /** The consumer's position when we last looked: there is at least as much room as it says. */
  #head: number;

  constructor(path: string, words: Int32Array, payload: ArrayBuffer, capacity: number) {
    this.#path = path;
    this.#words = words;
    this.#frames = new Int32Array(payload);
    this.bytes = Buffer.from(payload);
    this.capacity = capacity;
    this.#mask = payload.byteLength / 2 - 1;
    this.#tail = Atomics.load(words, RING.TAIL) & ~FLAGS; // the role is ours: nobody else writes it
    this.#head = Atomics.load(words, RING.HEAD) & ~FLAGS;
  }

  /** The longest message, in bytes. */
  get largest(): number {
    return this.capacity - FRAME_BYTES;
  }

  get ended(): boolean {
    return (Atomics.load(this.#words, RING.TAIL) & ENDED) !== 0;
  }

  /** True when the other side takes nothing any more. */
  get refused(): boolean {
    return (Atomics.load(this.#words, RING.HEAD) & GONE) !== 0; // pairs with RingReader.leave
  }

  /** Bytes of message there is room for now; looks at the consumer's position only if `wanted` needs it. */
  room(wanted: number): number {
    if (this.#frames.length === 0) throw movedAway(this.#path);
    const used = (this.#tail - this.#head) | 0;
    const room = this.capacity - used - FRAME_BYTES;
    // A used count out of range shows at once in #look.
    return room >= wanted && used >= 0 ? room : this.#look();
  }

  #look(): number {
    const head = Atomics.load(this.#words, RING.HEAD) & ~FLAGS; // pairs with RingReader.publish: its reads are done
    const used = (this.#tail - head) | 0;
    if (used < 0 || used > this.capacity)
      throw damaged(this.#path, "the consumer's position is out of range");
    this.#head = head;
    return this.capacity - used - FRAME_BYTES;
  }

  /** Where the next message's bytes go, in `bytes`. The caller has seen that there is room. */
  get offset(): number {
    return (this.#tail & this.#mask) + FRAME_BYTES;
  }

  /** Finishes a frame whose bytes have been written at `offset`. Not visible to anybody before `publish`. */
  finish(length: number, type: number): void {
    const at = (this.#tail & this.#mask) >> 2;
    this.#frames[at] = length;
    this.#frames[at + 1] = type;
    const tail = (this.#tail + FRAME_BYTES + ((length + 7) & ~7)) | 0;
    // Every publish waits until all writes before it are done: lines that the consumer's cache has must come in time.
    // Not those that it is reading: as far as we know where that is.
    if (
      length < STRIDE &&
      ((tail ^ this.#tail) & -STRIDE) !== 0 &&
      this.capacity - ((tail - this.#head) | 0) > 2 * STRIDE
    )
      native.prefetch(this.bytes, (tail & this.#mask) + STRIDE, STRIDE, true);
    this.#tail = tail;
  }

  /** Forgets frames that were finished and not published. */
  rollBack(tail: number): void {
    this.#tail = tail;
  }

  /** For rollBack. */
  get position(): number {
    return this.#tail;
  }

  /** Makes every finished frame visible in one step, and wakes the consumer if it sleeps. */
  publish(): void {
    // Pairs with RingReader.#look (the frames were written before) and RingReader.arm (the flag tells us to wake).
    const before = Atomics.exchange(this.#words, RING.TAIL, this.#tail);
    if ((before & SLEEPS) !== 0) native.futexWake(this.#words, RING.TAIL);
  }

  /** Marks the end, behind everything published. Final. */
  end(): void {
    const before = Atomics.exchange(this.#words, RING.TAIL, this.#tail | ENDED); // pairs with RingReader.#look and arm
    if ((before & SLEEPS) !== 0) native.futexWake(this.#words, RING.TAIL);
  }

  /** True when the consumer has taken everything that was published. */
  drained(): true | typeof PENDING {
    return this.#look() === this.capacity - FRAME_BYTES ? true : PENDING;
  }

  /** Wakes the consumer if it sleeps, so that from now on it watches us. */
  introduce(): void {
    introduce(this.#words, RING.TAIL);
  }

  /** Announces that the producer sleeps until the consumer's position moves. */
  arm(): WaitPoint | undefined {
    const words = this.#words;
    const found = Atomics.load(words, RING.HEAD);
    if ((found & ~FLAGS) !== this.#head) return undefined;
    const expected = found | SLEEPS;
    // Pairs with RingReader.publish: either it sees the flag and wakes us, or this fails because it published before.
    if (found !== expected && Atomics.compareExchange(words, RING.HEAD, found, expected) !== found)
      return undefined;
    return { words, index: RING.HEAD, expected };
  }
}
