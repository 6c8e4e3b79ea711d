/** Where messages of a Queue go that were taken too often: into the queue that it names for that. */

import { closeOnExit, forgetOnExit } from '../memory/leaving.js';
import { openSegment } from '../memory/segment.js';
import { PENDING } from '../waiting/blocking.js';
import type { InnerCodec } from './codecs.js';
import type { Written } from './message.js';
import { QueueOperations } from './queue-operations.js';
import { type QueueParts, queuePartsOf } from './queue-parts.js';
import { agreeOnQueue, QUEUE_TYPE, type QueueShape, queueShapeFor } from './queue-shape.js';

/** Puts a message there; false if it has no room now. With the same codec, and made if there is none. */
export function bury(queue: QueueShape, codec: InnerCodec, message: Written): boolean {
  const { deadLetter, capacity } = queue;
  if (deadLetter === undefined) return true;
  const wish = { codec, rest: {} };
  // Each time: what has the name now, not what had it when it was needed first.
  const { segment, shape } = openSegment(
    deadLetter,
    QUEUE_TYPE,
    wish.rest,
    (found) => agreeOnQueue(`/${deadLetter}`, found, wish),
    () => queueShapeFor({ ...wish, capacity }),
  );
  let parts: QueueParts | undefined;
  let closed = false;
  const attachment = {
    close() {
      if (closed) return;
      closed = true;
      forgetOnExit(attachment);
      parts?.core.recover();
      segment.release();
    },
  };
  // A script that is broken off (see QueueCore.recover) skips the `finally`: what is left is mended and given back at exit.
  closeOnExit(attachment);
  try {
    parts = queuePartsOf(segment, shape);
    const operations = new QueueOperations(parts, codec, segment.path, (more) => bury(shape, codec, more));
    return !parts.core.ended && operations.now(operations.putting(message)) !== PENDING;
  } finally {
    attachment.close();
  }
}
