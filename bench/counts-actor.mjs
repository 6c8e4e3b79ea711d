// node counts-actor.mjs NAME OPERATION COUNT: one hot path, so many times. Prints the bytes that each took from the heap,
// and from outside it; nothing may be collected meanwhile (counts.mjs gives it the room).

import { getHeapStatistics } from 'node:v8';
import { Lock, Queue, SharedMap, SpscQueue, unlink, Value } from './lib/isthmus.mjs';

const [name, operation, count] = process.argv.slice(2);

const bytes = Buffer.alloc(64, 7);

/** Each gives the work of `times` operations. */
const OPERATIONS = {
  'nothing (the loop itself)': () => (times) => {
    let sum = 0;
    for (let n = 0; n < times; n++) sum += n;
    return sum;
  },
  'SpscQueue tryPut + tryGet, 64 bytes'() {
    const queue = SpscQueue.create(name);
    const producer = queue.producer();
    const consumer = queue.consumer();
    return (times) => {
      for (let n = 0; n < times; n++) {
        producer.tryPut(bytes);
        consumer.tryGet();
      }
    };
  },
  'SpscQueue reserve, commit + peek, release'() {
    const queue = SpscQueue.create(name);
    const producer = queue.producer();
    const consumer = queue.consumer();
    return (times) => {
      for (let n = 0; n < times; n++) {
        producer.reserve(64)[0] = n;
        producer.commit();
        consumer.peek();
        consumer.release();
      }
    };
  },
  'Value.add'() {
    const value = Value.create(name, 'i32');
    return (times) => {
      for (let n = 0; n < times; n++) value.add(1);
    };
  },
  'Lock tryAcquire + release'() {
    const lock = Lock.create(name);
    return (times) => {
      for (let n = 0; n < times; n++) lock.tryAcquire().release();
    };
  },
  'SharedMap.get of a number': () => usingMap((map, key) => map.get(key)),
  'SharedMap.has': () => usingMap((map, key) => map.has(key)),
  'SharedMap.set of a number': () => usingMap((map, key) => map.set(key, 1.5)),
  'Queue tryPut + tryGet, 64 bytes'() {
    const queue = Queue.create(name);
    return (times) => {
      for (let n = 0; n < times; n++) {
        queue.tryPut(bytes);
        queue.tryGet();
      }
    };
  },
};

function usingMap(use) {
  const map = SharedMap.create(name);
  const keys = Array.from({ length: 64 }, (_, n) => `key:${n}`);
  for (const key of keys) map.set(key, 0.5);
  return (times) => {
    for (let n = 0; n < times; n++) use(map, keys[n & 63]);
  };
}

if (operation === undefined) {
  console.log(JSON.stringify(Object.keys(OPERATIONS)));
} else {
  const work = OPERATIONS[operation]();
  // Compiled, and every cache filled.
  work(20_000);
  work(20_000);
  globalThis.gc?.();
  const before = getHeapStatistics();
  work(Number(count));
  const after = getHeapStatistics();
  const each = (key) => (after[key] - before[key]) / Number(count);
  if (operation !== 'nothing (the loop itself)') unlink(name);
  // Memory of array buffers lies outside: `external_memory`.
  console.log(JSON.stringify({ heap: each('used_heap_size'), external: each('external_memory') }));
}
