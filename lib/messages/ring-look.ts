/** What is seen of a ring without a role in it: how full it is, what goes through it, and for tools the messages in it. */

import { damaged } from '../errors.js';
import { type Activity, type Wait, WORD_WRAP } from '../memory/activity.js';
import type { Owner } from '../memory/directory.js';
import { FLAGS, FRAME_BYTES, RING, SLEEPS } from './ring-layout.js';
import { show } from './showing.js';

interface RingLook {
  /** Control words of the ring, as they were copied. */
  readonly words: Int32Array;
  readonly capacity: number;
  readonly codec: string;
  /** Bytes of the ring. */
  readonly size: number;
  readonly limit: number;
  /** One control word as it is now. */
  word(index: number): number;
  /** Copies a part of the ring. */
  bytes(offset: number, bytes: number): Buffer;
}

export interface Waiting {
  /** The first messages that wait. */
  readonly first: unknown[];
  /** Bytes of messages behind them. */
  readonly moreBytes: number;
  readonly problem?: string;
}

/** The messages that waited when the words were copied, less those that were taken while we looked. */
export function messagesIn(ring: RingLook): Waiting {
  const { words, capacity, limit } = ring;
  const used = usedBytes(words, capacity, 'the object');
  const head = words[RING.HEAD]! & ~FLAGS;
  const found: { at: number; message: unknown }[] = [];
  let at = 0;
  let problem: string | undefined;
  try {
    while (at < used && found.length < limit) {
      const frame = read(ring, head + at, FRAME_BYTES);
      const [length, type] = [frame.readInt32LE(0), frame.readInt32LE(4)];
      if (length < 0 || length > used - at - FRAME_BYTES)
        throw damaged('the object', `a frame says it has ${length >>> 0} bytes`);
      const from = head + at + FRAME_BYTES;
      found.push({ at, message: show(ring.codec, type, length, () => read(ring, from, length)) });
      at += FRAME_BYTES + ((length + 7) & ~7);
    }
  } catch (error) {
    problem = (error as Error).message;
  }
  // What was taken meanwhile may have been overwritten: it is neither shown nor held against the ring.
  const taken = ((ring.word(RING.HEAD) & ~FLAGS) - head) | 0;
  const first = found.filter((one) => one.at >= taken).map(({ message }) => message);
  const moreBytes = Math.max(0, used - Math.max(at, taken));
  return { first, moreBytes, ...(problem === undefined || taken > at ? {} : { problem }) };
}

/** The ring is mapped twice in a row by those who use it; in the file it is there once. */
function read({ size, bytes }: RingLook, position: number, length: number): Buffer {
  const offset = (position & (size - 1)) >>> 0;
  const once = Math.min(length, size - offset);
  return once === length
    ? bytes(offset, length)
    : Buffer.concat([bytes(offset, once), bytes(0, length - once)]);
}

/** What goes through a ring, for tools. `who`: the two sides, where they are known. */
export function ringActivity(
  words: Int32Array,
  of: string,
  { producer, consumer }: { producer: Owner | undefined; consumer: Owner | undefined },
): Activity {
  const tail = words[RING.TAIL] ?? 0;
  const head = words[RING.HEAD] ?? 0;
  const bytes = { unit: 'bytes', wrap: WORD_WRAP } as const;
  const put = { ...bytes, what: `put${of}`, way: 'in', count: (tail & ~FLAGS) >>> 0 } as const;
  const taken = { ...bytes, what: `taken${of}`, way: 'out', count: (head & ~FLAGS) >>> 0 } as const;
  // Each side's mark is in the word that the other one writes.
  const wait = (position: number, what: string, side: Owner | undefined): Wait[] =>
    (position & SLEEPS) === 0 ? [] : [{ for: what, ...(side?.alive ? { count: 1, who: [side] } : {}) }];
  return {
    counts: [put, taken],
    waits: [...wait(tail, 'message', consumer), ...wait(head, 'room', producer)],
  };
}

/** Bytes in use between a ring's positions; of words that may be a copy. */
export function usedBytes(words: Int32Array, capacity: number, path: string): number {
  // Head first: it can only move towards the tail that is read afterwards.
  const head = Atomics.load(words, RING.HEAD) & ~FLAGS;
  const tail = Atomics.load(words, RING.TAIL) & ~FLAGS;
  const used = (tail - head) | 0;
  if (used < 0) throw damaged(path, 'its positions are out of range');
  return Math.min(used, capacity);
}
