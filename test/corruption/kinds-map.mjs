// Kinds with a heap, an undo log and a lock under which the user's code runs. See kinds.mjs.

import { createRequire } from 'node:module';
import { DIST, is, participants, WAIT } from './calls.mjs';

const require = createRequire(import.meta.url);
const { BLOCK, ROOT, SEQUENCE_WORDS, STORE } = require(`${DIST}/collections/store-layout.js`);
const { ENTRY, MAP } = require(`${DIST}/collections/map-layout.js`);
const { planMap } = require(`${DIST}/collections/map-shape.js`);

const text = 'x'.repeat(40);
const VALUES = [
  1,
  -7n,
  'text',
  text,
  { a: [1, 'two'] },
  Buffer.from('bytes'),
  'y'.repeat(700),
  new Uint8Array(300),
];

/** What get gives for a key that had one of the values: anything that can be a value, as long as it is whole. */
const value = (found) => {
  if (typeof found === 'function') throw new Error('a wrong answer: a function');
};

/** Sequences of a few parts; all of the roots; the first words of the log, and of some blocks of the heap. */
const sequences = Object.fromEntries(
  [0, 1, 2, 33, 63].map((part) => [`sequence ${part}`, STORE.SEQUENCES + part * SEQUENCE_WORDS]),
);
const { SEQUENCES: _, ...words } = STORE;

export function mapKind(options, { stale = false } = {}) {
  const plan = planMap({
    maxEntries: 2 ** 30,
    evict: 'none',
    ...options,
    maxBytes: options.maxBytes ?? 8192,
  });
  const shape = { maxBytes: 8192, participants, ...options };
  const heap = plan.heap / 4;
  const keys = Array.from({ length: 12 }, (_, n) => `key ${n}`);
  const roots = [...Object.values(MAP), MAP.NEXT_EXPIRY + 1, MAP.DIRECTORY + 1];
  const [first, last] = [keys[0], keys.at(-1)];
  const calls = [
    (map) => is('number', map.size),
    (map) => value(map.get(first)),
    ...keys.slice(1).map((key) => (map) => value(map.get(key))),
    (map) => is('boolean', map.has(last)),
    ...VALUES.map((one, n) => (map) => map.set(keys[n], one)),
    (map) => map.set('new', text, { ttl: 1e9 }),
    (map) => map.set('short', 1, { ttl: 1 }),
    (map) => is('boolean', map.delete(keys[5])),
    (map) => is('boolean', map.delete('nothing')),
    (map) => is('number', map.add('count', 1)),
    (map) => void map.update(keys[2], (now) => (now === undefined ? text : undefined)),
    (map) => void map.getOrInsertComputed(keys[3], () => ({ b: text })),
    (map) => is('boolean', map.compareAndSet(keys[4], undefined, 3)),
    (map) => map.getMany(keys).forEach(value),
    (map) => map.setMany(keys.map((key, n) => [key, n])),
    (map) =>
      map.transaction((tx) => {
        value(tx.get(first));
        tx.set(last, text).delete(keys[7]);
        tx.add('count', 2);
      }),
    (map) => {
      map.transaction(() => {
        for (const [key, found] of map)
          if (key === undefined) throw new Error('a key that is none');
          else value(found);
        is('number', map.size);
      });
    },
    (map) => {
      for (const key of map.keys()) if (key === undefined) throw new Error('a key that is none');
    },
    (map) => is('number', map.ttl(first) ?? 0),
    (map) => is('boolean', map.touch(keys[1], { ttl: 5 })),
    (map) => is('number', map.stats().usedBytes),
    async (map) => {
      for await (const { type } of map.changes({ signal: AbortSignal.timeout(5) })) return is('string', type);
    },
    async (map) => {
      const news = map.changes({ key: first, signal: AbortSignal.timeout(50) });
      map.set(first, 5);
      await news.next();
    },
    (map) => void map.ref().unref(),
    (map) => map.clear(),
    (map) => map.setMany(Array.from({ length: 70 }, (_, n) => [n, n])), // the table grows
  ];
  return {
    words: { ...words, ...sequences },
    values: [0, 1, 2, 3, 5, 100, 16_384 / 4, 2 ** 30 - 4, -1],
    lock: STORE.LOCK,
    spots: [
      ...Object.values(ROOT).slice(0, 4),
      ...Array.from({ length: 40 }, (_, n) => ROOT.FREE_LISTS + n),
      ...roots,
      ...Array.from({ length: 12 }, (_, n) => plan.log / 4 + n),
      ...Array.from({ length: 260 }, (_, n) => heap + n),
      plan.end / 4 - 3,
      plan.end / 4 - 2,
    ],
    /** References, heads of blocks, and what is nearly one. */
    meanings: [
      ...[0, 66, 70, 74, 80, 90, 130, 2000, 2046, 2048].map((n) => heap + n),
      ...[2, 3, 4, 5, 33, 100, 1000].flatMap((units) => [units << 2, (units << 2) | 1, (units << 2) | 2]),
      ...[BLOCK.NEXT, ENTRY.META, 64, 128, 65, -1, 2 ** 26, 2 ** 31 - 1],
      ...[0x1001, 0x5011, 0x5151, 0x6043, 0x5141, 0x100001].map((meta) => meta),
    ],
    create({ SharedMap }, name) {
      const map = SharedMap.create(name, shape);
      for (const [n, key] of keys.entries()) map.set(key, VALUES[n % VALUES.length]);
      map.changes();
      for (let n = 0; n < 60; n++) map.set(n, n, stale ? { ttl: 1 } : undefined);
      map.delete(keys[6]);
      return map;
    },
    parts: {
      map: {
        open: ({ SharedMap }, name) => SharedMap.attach(name, WAIT),
        again: ({ SharedMap }, name) => SharedMap.open(name),
        calls,
      },
    },
  };
}

export const MAP_KINDS = {
  map: mapKind({}),
  'map, lru': mapKind({ evict: 'lru', maxEntries: 80, maxBytes: 8192 }, { stale: true }),
  'map, large': mapKind({ maxBytes: 1024 * 1024, codec: 'json' }),
  namespace: {
    words,
    lock: STORE.LOCK,
    create({ Namespace }, name) {
      const namespace = Namespace.create(name, { maxBytes: 8192, participants });
      Object.assign(namespace, { a: 1, b: { c: text } });
      return namespace;
    },
    parts: {
      namespace: {
        open: ({ Namespace }, name) => Namespace.attach(name, WAIT),
        calls: [
          (namespace) => value(namespace.a),
          (namespace) => void Object.assign(namespace, { a: text, d: [1] }),
          (namespace) => Object.values(namespace).forEach(value),
          (namespace) => is('boolean', 'b' in namespace),
          (namespace) => delete namespace.b,
        ],
      },
    },
  },
};
