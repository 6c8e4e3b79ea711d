/** A list as this environment has it: one for each attachment, shared by its handles. */

import type { Segment } from '../memory/segment.js';
import { LIST_SEQUENCES } from './list-layout.js';
import { ListReader } from './list-reader.js';
import { ListRing } from './list-ring.js';
import { planList } from './list-shape.js';
import { ListWriter } from './list-writer.js';
import { Store } from './store.js';
import type { StoreShape } from './store-shape.js';

export class ListCore {
  readonly store: Store;
  readonly ring: ListRing;
  readonly reader: ListReader;
  readonly writer: ListWriter;

  constructor(segment: Segment, shape: StoreShape) {
    this.store = new Store(segment, planList(shape), LIST_SEQUENCES);
    this.ring = new ListRing(this.store);
    this.reader = new ListReader(this.store, this.ring);
    this.writer = new ListWriter(this.store, this.ring, shape.maxBytes);
  }

  /** How many values there are; the lock is held. */
  get length(): number {
    return this.ring.sound().length;
  }
}

const cores = new WeakMap<Segment, ListCore>();

export function listCoreOf(segment: Segment, shape: StoreShape): ListCore {
  let core = cores.get(segment);
  if (core === undefined) {
    core = new ListCore(segment, shape);
    cores.set(segment, core);
  }
  return core;
}
