// SharedList. See kinds.mjs. Its roots, the free lists, and what lies in its heap are kinds of their own, for the same bytes
// of a payload are overwritten most of the time.

import { createRequire } from 'node:module';
import { DIST, is, participants, WAIT } from './calls.mjs';

const require = createRequire(import.meta.url);
const { LIST } = require(`${DIST}/collections/list-layout.js`);
const { ROOT, STORE } = require(`${DIST}/collections/store-layout.js`);
const { planList } = require(`${DIST}/collections/list-shape.js`);

const maxBytes = 65536;
const VALUES = [
  1.5,
  'text',
  'x'.repeat(300),
  { a: [1, 'two'] },
  new Map([[1, 2]]),
  12n ** 30n,
  Buffer.from('bytes'),
];
const few = (list) => is('number', list.slice(0, 50).length);

const CALLS = [
  (list) => is('number', list.length),
  (list) => is('string', list.codec),
  (list) => is('number', list.maxBytes),
  (list) => is('number', list.stats().usedBytes),
  (list) => list.at(0),
  (list) => list.at(-1),
  (list) => list.at(100),
  few,
  (list) => is('number', list.toArray().length),
  (list) => is('number', list.indexOf('text')),
  (list) => is('number', list.lastIndexOf(VALUES[3])),
  (list) => is('boolean', list.includes(Number.NaN)),
  (list) => {
    let left = 100;
    for (const [index] of list.entries()) {
      is('number', index);
      if (--left === 0) break;
    }
  },
  (list) => is('number', list.push(VALUES[1])),
  (list) => is('number', list.push(...VALUES)),
  (list) => is('number', list.unshift(...VALUES)),
  (list) => list.pop(),
  (list) => list.shift(),
  (list) => list.set(0, VALUES[2]),
  (list) => list.set(-1, 7),
  (list) => list.update(0, (value) => value),
  (list) => is('number', list.splice(1, 2, 'new').length),
  (list) => list.splice(3, 600),
  (list) => list.splice(10, 1, ...VALUES, ...VALUES),
  (list) => void list.reverse(),
  (list) => void list.sort((a, b) => String(a).length - String(b).length),
  (list) => list.clear(),
  (list) => is('number', list.push(...Array.from({ length: 700 }, (_, n) => n))),
  async (list) => {
    for await (const length of list.changes({ signal: AbortSignal.timeout(5) })) return is('number', length);
  },
  (list) => void list.ref().unref(),
];

function listKind(payload, together) {
  return {
    words: STORE,
    payload,
    together: together.map((root) => ['payload', 4 * root]),
    create({ SharedList }, name) {
      const list = SharedList.create(name, { participants, maxBytes });
      list.push(...Array.from({ length: 600 }, (_, n) => n));
      list.splice(0, 590);
      list.push(...VALUES);
      return list;
    },
    parts: {
      list: {
        open: ({ SharedList }, name) => SharedList.attach(name, WAIT),
        again: ({ SharedList }, name) => SharedList.open(name, { ...WAIT, maxBytes }),
        calls: CALLS,
      },
    },
  };
}

export const LIST_KINDS = {
  list: listKind(4 * ROOT.OWN, [LIST.LENGTH, LIST.HEAD, LIST.CAPACITY]),
  'list, trash': listKind(4 * LIST.TRASH, [
    LIST.TRASH,
    LIST.TRASH_CAPACITY,
    LIST.TRASH_LEFT,
    LIST.TRASH_HEAD,
  ]),
  'list, free blocks': listKind(0, [ROOT.HEAP_END, ROOT.FREE_ROWS]),
  'list, heap': listKind(planList({ maxBytes }).heap, [LIST.LENGTH, LIST.RING]),
};
