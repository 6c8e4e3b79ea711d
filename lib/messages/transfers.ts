/** Messages into a ring and out of it, one or many at a time: what SpscQueue and Pipe share. */

import { PENDING } from '../waiting/blocking.js';
import type { FrameReader, FrameWriter } from './framing.js';
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
