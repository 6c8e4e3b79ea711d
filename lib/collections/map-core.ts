/** A map as this environment has it: one for each attachment, shared by its handles. */

import type { Segment } from '../memory/segment.js';
import { makeTable } from './map-growth.js';
import { CHANGE, MapJournal } from './map-journal.js';
import { KeyBuffer } from './map-keys.js';
import { DIRECTORY_ENTRIES, FIRST_TABLE_WORDS, MAP, PARTS } from './map-layout.js';
import { MapReader } from './map-reader.js';
import { MapRoom } from './map-room.js';
import { type MapShape, planMap, stampsFor } from './map-shape.js';
import { MapStamps } from './map-stamps.js';
import { MapTable } from './map-table.js';
import { type MapOperation, MapWriter } from './map-writer.js';
import { MOST_LOOKS, Store } from './store.js';

export class MapCore {
  readonly store: Store;
  readonly keys: KeyBuffer;
  readonly reader: MapReader;
  readonly writer: MapWriter;
  readonly room: MapRoom;
  readonly journal: MapJournal;

  constructor(segment: Segment, shape: MapShape) {
    const store = new Store(segment, planMap(shape), PARTS);
    const table = new MapTable(store);
    const stamps = new MapStamps(store, stampsFor(shape));
    this.store = store;
    this.keys = new KeyBuffer(store.memory[MAP.SEED]!);
    this.reader = new MapReader(store, table, stamps);
    this.writer = new MapWriter(store, table, stamps, shape);
    this.room = new MapRoom(store, table, stamps, this.writer, shape);
    this.journal = new MapJournal(store);
    store.repaired = () => this.journal.note(CHANGE.UNKNOWN);
    this.room.removed = (key) => this.journal.note(CHANGE.DELETE, key);
  }

  /** Makes the operations, all or none, and tells those who listen. The lock is held. */
  apply(operations: readonly MapOperation[]): void {
    this.room.sweepSome();
    try {
      this.writer.apply(operations);
    } catch (error) {
      this.store.tell(); // of what went for want of room
      throw error;
    }
    for (const { key, value } of operations) {
      if (value !== undefined) this.journal.note(CHANGE.SET, key);
      else if (!this.writer.absent.includes(key)) this.journal.note(CHANGE.DELETE, key);
    }
    this.store.tell();
  }

  /** How many entries there are, without those that have expired. */
  size(timeout: number): number {
    if (this.store.heldHere) return this.#sweptCount();
    if (this.room.stale && !this.room.maySweep) return this.#count(timeout);
    for (let look = 0; look < MOST_LOOKS && !this.room.stale; look++) {
      const { count } = this.reader;
      if (!this.store.changing) return count; // of a change that was made, not of one that may yet be undone
    }
    return this.store.locked(timeout, () => this.#sweptCount());
  }

  #sweptCount(): number {
    if (this.room.stale) {
      this.room.sweep();
      this.store.tell();
    }
    return this.reader.count;
  }

  /** Counts them one by one, without the lock. */
  #count(timeout: number): number {
    let count = 0;
    for (let place = 0; place < 2 ** 32; ) {
      place = this.reader.countAt(place, timeout);
      count += this.reader.counted;
    }
    return count;
  }

  /** Removes everything: one change, however much it is. The lock is held. */
  clear(): void {
    const { store } = this;
    const { memory, log, heap, sequences } = store;
    store.change(() => {
      sequences.openAll();
      log.save(MAP.COUNT, MAP.DIRECTORY + DIRECTORY_ENTRIES - MAP.COUNT);
      heap.reset(FIRST_TABLE_WORDS);
      memory[MAP.COUNT] = 0;
      makeTable(memory, heap.allocate(FIRST_TABLE_WORDS));
    });
    this.journal.note(CHANGE.CLEAR);
    store.tell();
  }
}

const cores = new WeakMap<Segment, MapCore>();

export function mapCoreOf(segment: Segment, shape: MapShape): MapCore {
  let core = cores.get(segment);
  if (core === undefined) {
    core = new MapCore(segment, shape);
    cores.set(segment, core);
  }
  return core;
}
