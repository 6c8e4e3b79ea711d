/** The consumer's half of a ring; see ring-writer.ts. Everything read from the ring is checked before it is used. */

import { damaged } from '../errors.js';
import { native } from '../native/load.js';
import type { WaitPoint } from '../waiting/blocking.js';
import { ENDED, FLAGS, FRAME_BYTES, GONE, RING, SLEEPS } from './ring-layout.js';
import { introduce, movedAway } from './ring-sides.js';
import { STRIDE } from './ring-writer.js';

export class RingReader {
  readonly capacity: number;
  /** The ring, mapped twice in a row: a message at any offset is contiguous. */
  readonly bytes: Buffer;
  readonly #path: string;
  readonly #words: Int32Array;
  readonly #frames: Int32Array;
  readonly #mask: number;
  /** The first frame not consumed. Ours alone; published by `publish`. */
  #head: number;
  /** The producer's position when we last looked: everything before it may be read. */
  #tail: number;
  #ended = false;
  /** The frame that `next` found: where its bytes are in `bytes`, how many, of what type. */
  offset = 0;
  length = 0;
  type = 0;

  constructor(path: string, words: Int32Array, payload: ArrayBuffer, capacity: number) {
    this.#path = path;
    this.#words = words;
    this.#frames = new Int32Array(payload);
    this.bytes = Buffer.from(payload);
    this.capacity = capacity;
    this.#mask = payload.byteLength / 2 - 1;
    this.#head = Atomics.load(words, RING.HEAD) & ~FLAGS; // the role is ours: nobody else writes it
    this.#tail = this.#head;
  }

  /** True when the producer has ended and everything has been consumed. */
  get ended(): boolean {
    if (this.#ended) return true;
    if (this.#head === this.#tail) this.#look();
    return this.#ended;
  }

  /** Whether there is nothing to read and more may come, from memory alone; changes nothing here either. */
  get waits(): boolean {
    const found = Atomics.load(this.#words, RING.TAIL); // pairs with RingWriter.publish and end
    return (found & ~FLAGS) === this.#head && (found & ENDED) === 0;
  }

  /** Looks for the next frame; sets `offset`, `length` and `type`. */
  next(): boolean {
    if (this.#head === this.#tail && !this.#look()) return false;
    const at = this.#head & this.#mask;
    const used = (this.#tail - this.#head) | 0;
    const length = this.#frames[at >> 2]!; // read once; a hostile producer may change it at any time
    if (this.#frames.length === 0) throw movedAway(this.#path);
    if (length < 0 || length > used - FRAME_BYTES)
      throw damaged(this.#path, `a frame says it has ${length >>> 0} bytes`);
    this.length = length;
    this.type = this.#frames[(at >> 2) + 1]!;
    this.offset = at + FRAME_BYTES;
    return true;
  }

  #look(): boolean {
    const found = Atomics.load(this.#words, RING.TAIL); // pairs with RingWriter.publish and end
    const tail = found & ~FLAGS;
    const used = (tail - this.#head) | 0;
    if (used < 0 || used > this.capacity)
      throw damaged(this.#path, "the producer's position is out of range");
    this.#tail = tail;
    if (used === 0 && (found & ENDED) !== 0) this.#ended = true;
    return used > 0;
  }

  /** Steps over the frame that `next` found. Its bytes stay ours until `publish`. */
  consume(): void {
    const head = (this.#head + FRAME_BYTES + ((this.length + 7) & ~7)) | 0;
    // As in RingWriter.finish; no further than what has been published, or we would take lines from the producer.
    if (
      this.length < STRIDE &&
      ((head ^ this.#head) & -STRIDE) !== 0 &&
      ((this.#tail - head) | 0) > 2 * STRIDE
    )
      native.prefetch(this.bytes, (head & this.#mask) + STRIDE, STRIDE, false);
    this.#head = head;
  }

  /** Gives the room of everything consumed back to the producer, and wakes it if it sleeps. */
  publish(): void {
    // Pairs with RingWriter.#look (we are done reading) and RingWriter.arm (the flag tells us to wake).
    const before = Atomics.exchange(this.#words, RING.HEAD, this.#head);
    if ((before & SLEEPS) !== 0) native.futexWake(this.#words, RING.HEAD);
  }

  /** Takes nothing any more: a producer that waits for room wakes and is refused. Final. */
  leave(): void {
    const before = Atomics.exchange(this.#words, RING.HEAD, this.#head | GONE); // pairs with RingWriter.refused and arm
    if ((before & SLEEPS) !== 0) native.futexWake(this.#words, RING.HEAD);
  }

  /** For those who must know whether anything was consumed in between. */
  get position(): number {
    return this.#head;
  }

  /** Wakes the producer if it sleeps, so that from now on it watches us. */
  introduce(): void {
    introduce(this.#words, RING.HEAD);
  }

  /** Announces that the consumer sleeps until the producer's position moves. */
  arm(): WaitPoint | undefined {
    const words = this.#words;
    const found = Atomics.load(words, RING.TAIL);
    if ((found & ~FLAGS) !== this.#head || (found & ENDED) !== 0) return undefined;
    const expected = found | SLEEPS;
    // Pairs with RingWriter.publish: either it sees the flag and wakes us, or this fails because it published before.
    if (found !== expected && Atomics.compareExchange(words, RING.TAIL, found, expected) !== found)
      return undefined;
    return { words, index: RING.TAIL, expected };
  }
}
