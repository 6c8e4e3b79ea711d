// Demands that every word of a list's heap is explained: nothing leaks, nothing is in two places. See heap-check.mjs.
//
// Whoever calls it sees to it that nothing changes meanwhile: everybody is at rest, or dead and mended.

import { createRequire } from 'node:module';
import { checkHeap, lookAt } from './heap-check.mjs';

const DIST = new URL('../../dist', import.meta.url).pathname;
const require = createRequire(import.meta.url);
const L = require(`${DIST}/collections/list-layout.js`);
const { SIZE_SHIFT, STORE } = require(`${DIST}/collections/store-layout.js`);
const { planList } = require(`${DIST}/collections/list-shape.js`);

function demand(holds, what) {
  if (!holds) throw new Error(`the list check: ${what}`);
}

/** How many values the list has, and bytes and blocks in use. */
export function checkList(name) {
  const look = lookAt(name, planList, L.LIST_SEQUENCES);
  const { word, words } = look;
  demand(words[STORE.LOCK] === 0, `the lock word is ${words[STORE.LOCK] >>> 0}`);
  demand(words[STORE.LOG_LENGTH] === 0, `the undo log has ${words[STORE.LOG_LENGTH]} words`);
  demand(words[STORE.SEQUENCES] % 2 === 0, `the sequence is odd: ${words[STORE.SEQUENCES]}`);
  const { LENGTH, HEAD, RING, CAPACITY, TRASH, TRASH_CAPACITY, TRASH_HEAD, TRASH_LEFT } = L.LIST;
  const length = word(LENGTH);
  const heap = checkHeap(look, (refer) => {
    const values = (what, ref, capacity, head, count) => {
      refer(ref, what);
      demand((word(ref) >>> SIZE_SHIFT) * 2 >= L.RING_HEAD_WORDS + capacity, `${what} is too small`);
      demand(head >= 0 && head < capacity, `${what} begins at ${head}`);
      demand(count >= 0 && count <= capacity, `${what} has ${count} values`);
      for (let n = 0; n < count; n++) {
        const value = word(ref + L.RING_HEAD_WORDS + ((head + n) % capacity));
        refer(value, `${what}, value ${n}`);
        const bytes = word(value + L.ITEM.META) >>> L.ITEM_LENGTH_SHIFT;
        const room = (word(value) >>> SIZE_SHIFT) * 8 - 4 * L.ITEM.BYTES;
        demand(bytes <= room, `value ${n} of ${what} is longer than its block`);
      }
    };
    values('the ring', word(RING), word(CAPACITY), word(HEAD), length);
    if (word(TRASH) !== 0)
      values('the trash', word(TRASH), word(TRASH_CAPACITY), word(TRASH_HEAD), word(TRASH_LEFT));
  });
  return { ...heap, length, capacity: word(CAPACITY), trash: word(TRASH) };
}
