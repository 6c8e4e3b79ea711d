/** The first values of a list, for tools that look at it from outside. */

import type { Looked } from '../memory/directory.js';
import { ITEM, ITEM_LENGTH_SHIFT, ITEM_TYPES, LIST, RING_HEAD_WORDS } from './list-layout.js';
import { ROOT_BYTES } from './store-layout.js';
import { StoreLook } from './store-look.js';

interface ShownValues {
  readonly first?: unknown[];
  /** Why there are none. */
  readonly unseen?: string;
  readonly problem?: string;
}

export function valuesOf(object: Looked, limit: number): ShownValues {
  let first: unknown[] = [];
  try {
    const done = new StoreLook(object, ROOT_BYTES).atOneMoment(0, () => {
      first = [];
      read(new StoreLook(object, ROOT_BYTES), limit, first); // its roots are of that moment, too
      return true;
    });
    if (done === undefined) return { unseen: 'it is being changed at this moment; look again' };
  } catch (error) {
    return { first, problem: (error as Error).message };
  }
  return { first };
}

function read(store: StoreLook, limit: number, values: unknown[]): void {
  const [length, head, ring, capacity] = [LIST.LENGTH, LIST.HEAD, LIST.RING, LIST.CAPACITY].map((root) =>
    store.root(root),
  ) as [number, number, number, number];
  if (length > capacity || head >= capacity) throw store.corrupt('the list of its values makes no sense');
  store.checkBlock(ring, store.word(ring), 4 * (RING_HEAD_WORDS + capacity));
  for (let position = 0; position < Math.min(length, limit); position++) {
    const ref = store.word(ring + RING_HEAD_WORDS + ((head + position) % capacity));
    const [size, meta] = [store.word(ref), store.word(ref + ITEM.META)];
    const bytes = meta >>> ITEM_LENGTH_SHIFT;
    store.checkBlock(ref, size, 4 * ITEM.BYTES + bytes);
    values.push(store.value(meta & ITEM_TYPES, bytes, ref + ITEM.BYTES, 0));
  }
}
