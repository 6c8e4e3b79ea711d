/**
 * The blocks of a Queue: messages are written into free ones and read from them, in runs of blocks that happen to lie side
 * by side. Everything read from them is checked before it is used; every walk is bounded.
 */

import { damaged } from '../errors.js';
import { BLOCK, BLOCK_BYTES, BLOCK_HEAD_WORDS, blocksFor, blocksOffset, NO_BLOCK } from './queue-layout.js';
import { movedAway } from './ring-sides.js';

/** Up to so many bytes a loop is faster than a bulk copy, which needs a view. */
const SMALL = 32;

export class QueueBlocks {
  /** The largest message, in bytes. */
  readonly largest: number;
  /** How many messages there can be at most: each has a block, and the one at the free end is nobody's. */
  readonly most: number;
  readonly #path: string;
  readonly #blocks: number;
  readonly #heads: Int32Array;
  readonly #bytes: Buffer;
  /** Of the message that `find` found: its length and type, its first and last block, and the block behind it. */
  length = 0;
  type = 0;
  first = NO_BLOCK;
  last = NO_BLOCK;
  after = NO_BLOCK;

  constructor(path: string, payload: ArrayBuffer, capacity: number) {
    this.#path = path;
    this.#blocks = blocksFor(capacity);
    this.#heads = new Int32Array(payload, 0, this.#blocks * BLOCK_HEAD_WORDS);
    this.#bytes = Buffer.from(payload, blocksOffset(this.#blocks), this.#blocks * BLOCK_BYTES);
    this.largest = capacity - 8;
    this.most = this.#blocks - 1;
  }

  /** A block number read from shared memory, checked. */
  check(block: number): number {
    if (block >= 0 && block < this.#blocks) return block;
    if (this.#heads.length === 0) throw movedAway(this.#path);
    throw damaged(this.#path, `it names block ${block} of ${this.#blocks}`);
  }

  #next(block: number): number {
    return this.check(this.#heads[block * BLOCK_HEAD_WORDS + BLOCK.NEXT]!);
  }

  /**
   * Writes a message into the free blocks from `first` on, `end` excluded.
   *
   * @returns the block behind it; NO_BLOCK if there are not enough. Nothing is visible before somebody publishes that
   */
  write(first: number, end: number, bytes: Uint8Array, from: number, to: number, type: number): number {
    let left = Math.max(1, Math.ceil((to - from) / BLOCK_BYTES));
    let block = first;
    let run = first;
    let at = from;
    for (;;) {
      if (block === end) return NO_BLOCK;
      const next = this.#next(block);
      if (--left === 0 || next !== block + 1) {
        const room = (block + 1 - run) * BLOCK_BYTES;
        const until = Math.min(to, at + room);
        this.#copyIn(bytes, at, until, run * BLOCK_BYTES);
        at = until;
        run = next;
      }
      block = next;
      if (left === 0) break;
    }
    const head = first * BLOCK_HEAD_WORDS;
    this.#heads[head + BLOCK.LENGTH] = to - from;
    this.#heads[head + BLOCK.TYPE] = type;
    return block;
  }

  #copyIn(bytes: Uint8Array, from: number, to: number, at: number): void {
    if (to - from <= SMALL) {
      for (let byte = from; byte < to; byte++) this.#bytes[at + byte - from] = bytes[byte]!;
    } else {
      const whole = from === 0 && to === bytes.length;
      this.#bytes.set(whole ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset + from, to - from), at);
    }
  }

  /** Looks at the message that begins at `first`: its length and type. */
  find(first: number): void {
    const head = this.check(first) * BLOCK_HEAD_WORDS;
    const length = this.#heads[head + BLOCK.LENGTH]!; // read once; a hostile peer may change it at any time
    if (length < 0 || length > this.largest)
      throw damaged(this.#path, `a message says it has ${length >>> 0} bytes`);
    this.first = first;
    this.length = length;
    this.type = this.#heads[head + BLOCK.TYPE]!;
  }

  /** Copies the message that `find` found to the beginning of `target`; finds its last block and the one behind it. */
  copyOut(target: Uint8Array): void {
    let left = Math.max(1, Math.ceil(this.length / BLOCK_BYTES));
    let block = this.first;
    let run = block;
    let at = 0;
    for (;;) {
      const next = this.#next(block);
      if (--left === 0 || next !== block + 1) {
        const until = Math.min(this.length, at + (block + 1 - run) * BLOCK_BYTES);
        this.#copyRun(target, at, until, run * BLOCK_BYTES);
        at = until;
        run = next;
      }
      if (left === 0) {
        this.last = block;
        this.after = next;
        return;
      }
      block = next;
    }
  }

  #copyRun(target: Uint8Array, from: number, to: number, at: number): void {
    if (to - from <= SMALL) {
      for (let byte = from; byte < to; byte++) target[byte] = this.#bytes[at + byte - from]!;
    } else {
      target.set(this.#bytes.subarray(at, at + to - from), from);
    }
  }

  /** The last block of a message. */
  lastOf(first: number): number {
    this.find(first);
    let block = first;
    for (let left = Math.ceil(this.length / BLOCK_BYTES); left > 1; left--) block = this.#next(block);
    return block;
  }

  /** Puts a chain behind a block. The caller publishes the new end. */
  link(block: number, first: number): void {
    this.#heads[this.check(block) * BLOCK_HEAD_WORDS + BLOCK.NEXT] = first;
  }
}

/** A new queue's blocks: one list in their order. */
export function initialiseBlocks(payload: ArrayBuffer, capacity: number): void {
  const blocks = blocksFor(capacity);
  const heads = new Int32Array(payload, 0, blocks * BLOCK_HEAD_WORDS);
  for (let block = 0; block < blocks; block++)
    heads[block * BLOCK_HEAD_WORDS + BLOCK.NEXT] = block + 1 < blocks ? block + 1 : 0;
}
