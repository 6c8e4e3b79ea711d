// The kinds of objects whose memory is overwritten: how each is made and opened, and every public call on it.
//
// A new kind is one more entry, here or in a kinds-….mjs:
//   words    names of its control words and their indexes (its layout descriptor)
//   values   what those words may hold that means something, if it is more than an owner
//   table    the index of its slot table (see memory/slot-table-layout.ts), if it has one
//   lock     the index of an owner word that a call may wait for without a timeout, if there is one: see rescuer.mjs
//   payload  offsets into its payload that mean something, if there are any
//   spots    words of its payload that mean something, and what they may hold: `meanings`
//   together places that must lie at the same time to be believed: [area, offset], if there are any
//   create   makes the object, with something in it; what it makes beside it is called `${name}-…`
//   parts    handles on it, opened in this order; each with all its calls: try, Sync and promise forms
// A call gets the handle; what it returns, if anything, must be a right answer: see `is`.

import { createRequire } from 'node:module';
import { abandon, DIST, is, LOCK_CALLS, participants, WAIT } from './calls.mjs';
import { LIST_KINDS } from './kinds-list.mjs';
import { MAP_KINDS } from './kinds-map.mjs';
import { PIPE_KINDS } from './kinds-pipe.mjs';
import { queueKind } from './kinds-queue.mjs';
import { STRUCT_KIND } from './kinds-struct.mjs';
import { SYNC_KINDS } from './kinds-sync.mjs';

const require = createRequire(import.meta.url);
const { RING } = require(`${DIST}/messages/ring-layout.js`);
const { WATCH } = require(`${DIST}/values/watch-layout.js`);

export { DIST };

const NUMBERS = { i: [7, 1], b: [7n, 1n], f: [0.5, 1], o: [true, undefined] };
const FAMILIES = { i64: 'b', u64: 'b', f32: 'f', f64: 'f', bool: 'o' };
const JS_TYPES = { i: 'number', b: 'bigint', f: 'number', o: 'boolean' };

/** An element is of the type that the object says it has: its schema may have become another sound one. */
function element({ type }, found) {
  is(JS_TYPES[FAMILIES[type] ?? 'i'], found);
}

/** The calls of a Value; those of an array are the same with an index. */
function cellCalls(type, ...at) {
  const family = FAMILIES[type] ?? 'i';
  const [some, one] = NUMBERS[family];
  const calls = [
    (cell) => element(cell, cell.exchange(...at, some)),
    (cell) => element(cell, cell.compareExchange(...at, some, some)),
    (cell) =>
      element(
        cell,
        cell.waitForSync(...at, () => true, WAIT),
      ),
    (cell) => cell.waitForSync(...at, () => false, WAIT),
    async (cell) => element(cell, await cell.waitFor(...at, () => true, WAIT)),
    (cell) => cell.waitFor(...at, () => false, WAIT),
    (cell) => abandon((wait) => cell.waitFor(...at, () => false, wait)),
    (cell) => void cell.ref().unref(),
  ];
  if (one !== undefined)
    calls.push(
      (cell) => element(cell, cell.add(...at, one)),
      (cell) => element(cell, cell.sub(...at, one)),
    );
  return calls;
}

function value(type, options) {
  const family = FAMILIES[type] ?? 'i';
  const [some] = NUMBERS[family];
  return {
    words: WATCH,
    create: ({ Value }, name) => Value.create(name, type, { initial: some, participants, ...options }),
    parts: {
      value: {
        open: ({ Value }, name) => Value.attach(name),
        again: ({ Value }, name) => Value.open(name, type),
        calls: [
          (value) => is('string', value.type),
          (value) => element(value, value.value),
          (value) => {
            value.value = some;
          },
          ...cellCalls(type),
          (value) => value.update((now) => now),
          (value) => value.and?.(family === 'b' ? 1n : 1),
          (value) => value.or?.(family === 'b' ? 1n : 1),
          (value) => value.xor?.(family === 'b' ? 1n : 1),
          async (value) => {
            const changes = value.changes({ signal: AbortSignal.timeout(5) });
            for await (const change of changes) return change;
          },
        ],
      },
      lock: { open: (_isthmus, _name, { value }) => value?.lock, calls: LOCK_CALLS },
    },
  };
}

function array(type, length) {
  const [some] = NUMBERS[FAMILIES[type] ?? 'i'];
  return {
    words: WATCH,
    create: ({ SharedArray }, name) => SharedArray.create(name, type, length, { participants }),
    parts: {
      array: {
        open: ({ SharedArray }, name) => SharedArray.attach(name),
        again: ({ SharedArray }, name) => SharedArray.open(name, type, length),
        calls: [
          (array) => is('string', array.type),
          (array) => is('number', array.length),
          (array) => is('number', array.view.length),
          (array) => array.view.reverse(),
          (array) => array.view[array.length - 1],
          (array) => array.at(0),
          (array) => array.at(-1),
          (array) => array.set(-1, some),
          ...cellCalls(type, 0),
          ...cellCalls(type, -1),
          (array) => {
            for (const one of array) element(array, one);
          },
        ],
      },
      lock: { open: (_isthmus, _name, { array }) => array?.lock, calls: LOCK_CALLS },
    },
  };
}

const MESSAGES = [Buffer.from('bytes'), new Uint8Array(9)];
const RICH = ['text', { a: [1, 'two', { three: 3 }], b: 'ünï', c: null }];
const TYPED = [new Map([[1, new Set([2])]]), new Date(0), /x/g, 12n ** 30n, new Float64Array(3)];

function spsc(codec, capacity, startPosition) {
  const messages = [
    ...MESSAGES,
    ...(codec === 'raw' ? [] : RICH),
    ...(codec === 'msgpack' || codec === 'v8' ? TYPED : []),
  ];
  const [first] = messages;
  const twins = { left: messages.at(-1), right: messages.at(-1) };
  return {
    words: RING,
    payload: startPosition & 0xffff,
    together: [
      ['words', 4 * RING.TAIL],
      ['words', 4 * RING.HEAD],
      ['payload', startPosition & 0xffff],
    ],
    create({ SpscQueue }, name) {
      const queue = SpscQueue.create(name, { codec, capacity, startPosition, participants });
      const producer = queue.producer();
      producer.tryPutMany(codec === 'raw' ? messages : [...messages, ...messages, twins]);
      producer.close();
      return queue;
    },
    parts: {
      queue: {
        open: ({ SpscQueue }, name) => SpscQueue.attach(name),
        again: ({ SpscQueue }, name) => SpscQueue.open(name, { codec }),
        calls: [
          (queue) => is('number', queue.capacity),
          (queue) => is('string', queue.codec),
          (queue) => is('number', queue.used),
          (queue) => is('boolean', queue.ended),
        ],
      },
      producer: {
        open: (_isthmus, _name, { queue }) => queue?.producer(),
        calls: [
          (producer) => is('number', producer.capacity + producer.maxMessageBytes),
          (producer) => is('boolean', producer.ended),
          (producer) => is('boolean', producer.tryPut(messages.at(-1))),
          (producer) => producer.putSync(first, WAIT),
          (producer) => producer.put(messages.at(-1), WAIT),
          (producer) => producer.put(first, { ...WAIT, peerDeath: 'wait' }),
          (producer) => abandon((wait) => producer.put(first, wait)),
          (producer) => is('number', producer.tryPutMany(messages)),
          (producer) => producer.putManySync(messages, WAIT),
          (producer) => producer.putMany(messages, WAIT),
          (producer) => {
            const room = producer.reserve(16);
            if (room === undefined) return;
            room.fill(7);
            producer.commit(9);
          },
          (producer) => producer.reserve(8) && producer.cancel(),
          (producer) => producer.flushSync(WAIT),
          (producer) => producer.flush(WAIT),
          (producer) => void producer.ref().unref(),
          (producer) => streamed(producer.writable(), (stream) => stream.write('chunk')),
        ],
      },
      consumer: {
        open: (_isthmus, _name, { queue }) => queue?.consumer(),
        calls: [
          (consumer) => is('number', consumer.capacity),
          (consumer) => is('boolean', consumer.ended),
          (consumer) => consumer.tryGet(),
          (consumer) => message(consumer.getSync(WAIT), consumer),
          async (consumer) => message(await consumer.get(WAIT), consumer),
          async (consumer) => message(await consumer.get({ ...WAIT, peerDeath: 'wait' }), consumer),
          (consumer) => abandon((wait) => consumer.get(wait)),
          (consumer) => consumer.tryGetMany(2),
          (consumer) => consumer.getManySync(2, WAIT),
          (consumer) => consumer.getMany(2, WAIT),
          (consumer) => consumer.peek() && consumer.release(),
          (consumer) => consumer.peek()?.fill(0),
          (consumer) => consumer.drain(),
          (consumer) => void consumer.ref().unref(),
          (consumer) => streamed(consumer.readable({ objectMode: true }), (stream) => stream.resume()),
        ],
      },
      last: {
        open: (_isthmus, _name, { producer }) => producer,
        calls: [(producer) => producer.end()],
      },
    },
  };
}

/** `undefined` means that the queue has ended, and nothing else. */
function message(found, consumer) {
  if (found === undefined && !consumer.ended)
    throw new Error('a wrong answer: undefined, and the queue has not ended');
}

/** Uses a stream for a moment; how it fails is the answer. */
function streamed(stream, use) {
  return new Promise((resolve, reject) => {
    stream.on('error', reject).on('close', resolve);
    use(stream);
    setTimeout(() => stream.destroy(), 3);
  });
}

export const KINDS = {
  'value i32': value('i32'),
  'value f64': value('f64'),
  'value u64, attached': value('u64', { lifetime: 'attached' }),
  'value bool': value('bool'),
  'array u8': array('u8', 100),
  'array f64': array('f64', 1000),
  'array i16, empty': array('i16', 0),
  'spsc msgpack': spsc('msgpack', 4096, 0),
  'spsc msgpack, wraps': spsc('msgpack', 65536, 2 ** 32 - 64),
  'spsc json': spsc('json', 1024, 2 ** 31 - 64),
  'spsc v8': spsc('v8', 4096, 0),
  'spsc raw, tiny': spsc('raw', 64, 65536 - 24),
  ...PIPE_KINDS,
  queue: queueKind({ capacity: 1024, maxJobs: 6 }),
  'queue, tiny': queueKind({ capacity: 128, maxJobs: 3, codec: 'raw', maxItems: 2 }),
  'queue, dead letters': queueKind({ capacity: 512, maxJobs: 4, maxAttempts: 2, deadLetter: true }),
  struct: STRUCT_KIND,
  ...LIST_KINDS,
  ...MAP_KINDS,
  ...SYNC_KINDS,
};
