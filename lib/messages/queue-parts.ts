/** A Queue as this environment has it: one for each attachment, shared by its handles. */

import type { Segment } from '../memory/segment.js';
import { QueueCore } from './queue-core.js';
import { QueuePuts } from './queue-puts.js';
import type { QueueShape } from './queue-shape.js';
import { QueueTakes } from './queue-takes.js';

export interface QueueParts {
  readonly core: QueueCore;
  readonly puts: QueuePuts;
  readonly takes: QueueTakes;
}

const queues = new WeakMap<Segment, QueueParts>();

export function queuePartsOf(segment: Segment, shape: QueueShape): QueueParts {
  let parts = queues.get(segment);
  if (parts === undefined) {
    const core = new QueueCore(segment, shape);
    parts = { core, puts: new QueuePuts(core), takes: new QueueTakes(core) };
    queues.set(segment, parts);
  }
  return parts;
}
