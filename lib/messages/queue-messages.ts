/** What tools see of the messages in a Queue, without its locks and without taking one. */

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
import { corrupt } from './ring-writer.js';
import { show } from './showing.js';

export interface QueueLook {
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

export interface QueueMessages {
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
  try {
    for (const block of returned.slice(0, limit)) first.push(messageAt(queue, block).message);
    const end = words[QUEUE.TAILS + ((words[QUEUE.PUTS]! & OTHER) >> 1)]!;
    let block = words[QUEUE.HEADS + ((words[QUEUE.TAKEN]! & OTHER) >> 1)]!;
    for (let left = blocksFor(queue.capacity); block !== end && first.length < limit; left--) {
      if (left === 0) throw corrupt('the object', 'its list of blocks has no end');
      const { message, after } = messageAt(queue, block);
      first.push(message);
      block = after;
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  // What was taken meanwhile may have been overwritten.
  const now = [QUEUE.TAKEN, QUEUE.CHANGES].map((index) => queue.word(index));
  if (now.some((word, n) => word !== before[n]))
    return { unseen: 'messages were taken at this moment; look again' };
  return { first, ...(problem === undefined ? {} : { problem }) };
}

/** The message that begins at a block, and the block behind it. */
function messageAt(queue: QueueLook, first: number): { message: unknown; after: number } {
  const { capacity, codec, payload } = queue;
  const blocks = blocksFor(capacity);
  const head = headAt(queue, first, blocks);
  const length = head.readInt32LE(4 * BLOCK.LENGTH);
  if (length < 0 || length > capacity - 8)
    throw corrupt('the object', `a message says it has ${length >>> 0} bytes`);
  const run: number[] = [first];
  let after = head.readInt32LE(4 * BLOCK.NEXT);
  for (let left = Math.ceil(length / BLOCK_BYTES); left > 1; left--) {
    run.push(after);
    after = headAt(queue, after, blocks).readInt32LE(4 * BLOCK.NEXT);
  }
  const copy = (): Buffer => {
    const parts = run.map((block) => payload(blocksOffset(blocks) + block * BLOCK_BYTES, BLOCK_BYTES));
    return Buffer.concat(parts).subarray(0, length);
  };
  return { message: show(codec, head.readInt32LE(4 * BLOCK.TYPE), length, copy), after };
}

function headAt({ payload }: QueueLook, block: number, blocks: number): Buffer {
  if (block < 0 || block >= blocks) throw corrupt('the object', `it names block ${block} of ${blocks}`);
  return payload(block * BLOCK_HEAD_WORDS * 4, BLOCK_HEAD_WORDS * 4);
}

/** First blocks of the jobs that nobody has any more, of those that this says so of. */
export function returnedBlocks(words: Int32Array, jobs: readonly number[]): number[] {
  return jobs
    .filter((at) => words[at + JOB.OWNER] !== JOB_DONE)
    .sort((a, b) => (words[a + JOB.NUMBER]! - words[b + JOB.NUMBER]!) | 0)
    .map((at) => words[at + JOB.FIRST]!);
}
