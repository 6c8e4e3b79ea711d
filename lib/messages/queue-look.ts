/** What tools see of the messages in a Queue, without its locks and without taking one. */

import { damaged } from '../errors.js';
import { MOST_SHOWN } from '../memory/directory.js';
import {
  BLOCK,
  BLOCK_BYTES,
  BLOCK_HEAD_WORDS,
  blocksFor,
  blocksOffset,
  JOB,
  JOB_DONE,
  OTHER,
  QUEUE,
} from './queue-layout.js';
import { show } from './showing.js';

interface QueueLook {
  /** Control words, as they were copied. */
  readonly words: Int32Array;
  readonly capacity: number;
  readonly codec: unknown;
  readonly limit: number;
  /** First blocks of messages that came back, in the order in which they go out again. */
  readonly returned: readonly number[];
  /** One control word as it is now. */
  word(index: number): number;
  payload(offset: number, bytes: number): Buffer;
}

interface QueueMessages {
  readonly first?: unknown[];
  /** Why there are none. */
  readonly unseen?: string;
  readonly problem?: string;
}

export function messagesOf(queue: QueueLook): QueueMessages {
  const { words, limit, returned } = queue;
  const before = [QUEUE.TAKEN, QUEUE.CHANGES].map((index) => words[index]!);
  const first: unknown[] = [];
  let problem: string | undefined;
  let now: number[] | undefined;
  const heads = new Heads(queue);
  try {
    for (const block of returned.slice(0, limit)) first.push(messageAt(queue, block, heads).message);
    const end = words[QUEUE.TAILS + ((words[QUEUE.PUTS]! & OTHER) >> 1)]!;
    let block = words[QUEUE.HEADS + ((words[QUEUE.TAKEN]! & OTHER) >> 1)]!;
    while (block !== end && first.length < limit) {
      const { message, after } = messageAt(queue, block, heads);
      first.push(message);
      block = after;
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  // What was taken meanwhile may have been overwritten.
  try {
    now = [QUEUE.TAKEN, QUEUE.CHANGES].map((index) => queue.word(index));
  } catch (error) {
    problem = (error as Error).message;
  }
  if (now?.some((word, n) => word !== before[n]) === true)
    return { unseen: 'messages were taken at this moment; look again' };
  return { first, ...(problem === undefined ? {} : { problem }) };
}

/** The message that begins at a block, and the block behind it. */
function messageAt(queue: QueueLook, first: number, heads: Heads): { message: unknown; after: number } {
  const { capacity, codec, payload } = queue;
  const blocks = blocksFor(capacity);
  const head = heads.at(first);
  const length = head.readInt32LE(4 * BLOCK.LENGTH);
  if (length < 0 || length > capacity - 8)
    throw damaged('the object', `a message says it has ${length >>> 0} bytes`);
  const run: number[] = [first];
  let after = head.readInt32LE(4 * BLOCK.NEXT);
  for (let more = Math.ceil(length / BLOCK_BYTES); more > 1; more--) {
    if (length <= MOST_SHOWN) run.push(after);
    after = heads.at(after).readInt32LE(4 * BLOCK.NEXT);
  }
  const copy = (): Buffer => {
    const parts = run.map((block) => payload(blocksOffset(blocks) + block * BLOCK_BYTES, BLOCK_BYTES));
    return Buffer.concat(parts).subarray(0, length);
  };
  return { message: show(codec, head.readInt32LE(4 * BLOCK.TYPE), length, copy), after };
}

/** So many heads are read at once: 4 KiB. */
const HEADS_AT_ONCE = 256;

/** The heads of the blocks of messages. No two messages share a block: no more are looked at than there are. */
class Heads {
  readonly #queue: QueueLook;
  readonly #blocks: number;
  #left: number;
  #from = 0;
  #copy: Buffer = Buffer.alloc(0);

  constructor(queue: QueueLook) {
    this.#queue = queue;
    this.#blocks = blocksFor(queue.capacity);
    this.#left = this.#blocks;
  }

  at(block: number): Buffer {
    const each = BLOCK_HEAD_WORDS * 4;
    if (block < 0 || block >= this.#blocks)
      throw damaged('the object', `it names block ${block} of ${this.#blocks}`);
    if (this.#left-- === 0) throw damaged('the object', 'its list of blocks has no end');
    let at = (block - this.#from) * each;
    if (at < 0 || at >= this.#copy.length) {
      this.#from = block;
      this.#copy = this.#queue.payload(block * each, Math.min(HEADS_AT_ONCE, this.#blocks - block) * each);
      at = 0;
    }
    return this.#copy.subarray(at, at + each);
  }
}

/** First blocks of the jobs that nobody has any more, of those that this says so of. */
export function returnedBlocks(words: Int32Array, jobs: readonly number[]): number[] {
  return jobs
    .filter((at) => words[at + JOB.OWNER] !== JOB_DONE)
    .sort((a, b) => (words[a + JOB.NUMBER]! - words[b + JOB.NUMBER]!) | 0)
    .map((at) => words[at + JOB.FIRST]!);
}
