/** What tools see of the messages in a ring, without the consumer's role and without taking one. */

import { damaged } from '../errors.js';
import { FLAGS, FRAME_BYTES, RING } from './ring-layout.js';
import { show } from './showing.js';
import { usedBytes } from './transfers.js';

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
