/** A Queue as this environment has it: one for each attachment, shared by its handles. */

import type { Segment } from '../memory/segment.js';
import { QueueCore } from './queue-core.js';
import { QueuePuts } from './queue-puts.js';
import type { QueueShape } from './queue-shape.js';
import { QueueTakes } from './queue-takes.js';

export interface QueueWords {
  readonly core: QueueCore;
  readonly puts: QueuePuts;
  readonly takes: QueueTakes;
}

const queues = new WeakMap<Segment, QueueWords>();

export function queueWordsOf(segment: Segment, shape: QueueShape): QueueWords {
  let words = queues.get(segment);
  if (words === undefined) {
    const core = new QueueCore(segment, shape);
    words = { core, puts: new QueuePuts(core), takes: new QueueTakes(core) };
    queues.set(segment, words);
  }
  return words;
}
