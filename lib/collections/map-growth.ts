/** A map's table grows by one chain at a time: the next chain in line is divided in two. Nothing else moves. */

import {
  DIRECTORY_ENTRIES,
  ENTRY,
  FIRST_CHAINS,
  FIRST_TABLE_WORDS,
  MAP,
  MOST_CHAINS,
  NEVER_HIGH,
  PARTS,
  TABLE_HEAD_WORDS,
  TABLE_MARK,
} from './map-layout.js';
import { MapTable, NONSENSE } from './map-table.js';
import type { Store } from './store.js';

/** While there is no room for a larger table, it is tried only now and then. */
const TRY_EVERY = 64;

/** Divides a chain if there are more entries than chains; whether it did. With the lock held; a change of its own. */
export function growTable(store: Store, table: MapTable): boolean {
  const { memory, log, sequences, heap } = store;
  const { chains } = table;
  const count = memory[MAP.COUNT]!;
  if (chains === NONSENSE || count <= chains || chains === MOST_CHAINS) return false;
  if (
    count > chains + TRY_EVERY &&
    count % TRY_EVERY !== 0 &&
    memory[MAP.DIRECTORY + MapTable.partOf(chains)] === 0
  )
    return false;
  const half = 1 << (31 - Math.clz32(chains));
  const from = chains - half;
  return store.change(() => {
    const part = MapTable.partOf(chains);
    if (part < DIRECTORY_ENTRIES && memory[MAP.DIRECTORY + part] === 0) {
      const ref = heap.allocate(TABLE_HEAD_WORDS + half);
      if (ref === 0) {
        store.undo();
        return false;
      }
      memory[ref + 1] = TABLE_MARK;
      memory.fill(0, ref + TABLE_HEAD_WORDS, ref + TABLE_HEAD_WORDS + half);
      log.write(MAP.DIRECTORY + part, ref);
    }
    let here = table.wordOf(from);
    let there = table.wordOf(chains);
    if (here === NONSENSE || there === NONSENSE) throw heap.corrupt('its table makes no sense');
    sequences.open(from & (PARTS - 1));
    const relink = (link: number, ref: number): void => {
      if (memory[link] !== ref) log.write(link, ref);
    };
    let ref = table.refAt(here);
    for (let left = table.longest; ref !== 0; left--) {
      if (ref === NONSENSE || left < 0) throw heap.corrupt('a chain of entries makes no sense');
      const next = table.refAt(ref + ENTRY.NEXT);
      if ((memory[ref + ENTRY.HASH]! & half) === 0) {
        relink(here, ref);
        here = ref + ENTRY.NEXT;
      } else {
        relink(there, ref);
        there = ref + ENTRY.NEXT;
      }
      ref = next;
    }
    relink(here, 0);
    relink(there, 0);
    log.write(MAP.CHAINS, chains + 1);
    return true;
  });
}

/** The roots and the table of an empty map; the table in a block of its own. */
export function makeTable(memory: Int32Array, ref: number): void {
  memory[ref + 1] = TABLE_MARK;
  memory.fill(0, ref + TABLE_HEAD_WORDS, ref + FIRST_TABLE_WORDS);
  memory.fill(0, MAP.DIRECTORY, MAP.DIRECTORY + DIRECTORY_ENTRIES);
  memory[MAP.DIRECTORY] = ref;
  memory[MAP.CHAINS] = FIRST_CHAINS;
  setNever(memory);
}

/** Nothing expires. */
export function setNever(memory: Int32Array): void {
  memory[MAP.NEXT_EXPIRY] = NEVER_HIGH;
  memory[MAP.NEXT_EXPIRY + 1] = -1;
}
