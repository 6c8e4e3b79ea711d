/** Messages into a ring and out of it, one or many at a time: what SpscQueue and Pipe share. */

import { damaged } from '../errors.js';
import { type Activity, type Wait, WORD_WRAP } from '../memory/activity.js';
import type { Owner } from '../memory/directory.js';
import { PENDING } from '../waiting/blocking.js';
import type { FrameReader, FrameWriter } from './framing.js';
import { FLAGS, RING, SLEEPS } from './ring-layout.js';
import type { RingReader } from './ring-reader.js';
import type { RingWriter } from './ring-writer.js';

/** The next message; `undefined` at the end. */
export function takeOne(ring: RingReader, frames: FrameReader): unknown {
  if (!ring.next()) return ring.ended ? undefined : PENDING;
  try {
    return frames.read();
  } finally {
    // Consumed whatever it was: a message that cannot be decoded must not block the others for ever.
    ring.consume();
    ring.publish();
  }
}

/** At least one message and up to `most`, consumed together; none at the end. */
export function takeMany(ring: RingReader, frames: FrameReader, most: number): unknown[] | typeof PENDING {
  const messages: unknown[] = [];
  try {
    while (messages.length < most && ring.next()) {
      try {
        messages.push(frames.read());
      } catch (error) {
        if (messages.length > 0) break; // first those that are sound; the next call meets this one again
        ring.consume();
        ring.publish();
        throw error;
      }
      ring.consume();
    }
  } finally {
    if (messages.length > 0) ring.publish();
  }
  if (messages.length > 0) return messages;
  return ring.ended ? messages : PENDING;
}

/** Writes the messages from index `from` on, as many as there is room for, and makes them visible together. How many. */
export function putSome(
  ring: RingWriter,
  frames: FrameWriter,
  messages: readonly unknown[],
  from: number,
): number {
  const before = ring.position;
  let next = from;
  try {
    while (next < messages.length && frames.tryWrite(messages[next])) next++;
  } catch (error) {
    ring.rollBack(before);
    throw error;
  }
  if (next > from) ring.publish();
  return next - from;
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
