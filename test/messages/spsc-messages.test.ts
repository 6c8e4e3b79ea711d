// What a message is, and that it arrives as it was sent.

import { randomBytes } from 'node:crypto';
import { CorruptError, SpscQueue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { freshName } from '../processes/start.js';

function pair(options: Parameters<typeof SpscQueue.create>[1] = {}) {
  const queue = SpscQueue.create<unknown>(freshName(), options as never);
  const producer = queue.producer();
  const consumer = queue.consumer();
  return {
    queue,
    producer,
    consumer,
    [Symbol.dispose]() {
      for (const handle of [consumer, producer, queue]) handle.close();
    },
  };
}

class Mine {
  x = 1;
}

const ANYTHING: unknown[] = [
  null,
  0,
  1.5,
  Number.NaN,
  2 ** 60,
  123456789012345678901234567890n,
  true,
  [],
  {},
  [1, [2, [3, null]]],
  { a: { b: { c: [new Uint8Array([1, 2, 3])] } } },
  new Date(86_400_000),
  new Map<unknown, unknown>([
    ['a', 1],
    [2, { b: 3 }],
  ]),
  new Set([1, 'x', null]),
  /ab+c/gi,
  new Float64Array([1.5, -2.5]),
  { text: 'ä€😀', nothing: null, long: 'x'.repeat(5000) },
];

describe('bytes and strings travel as they are, whatever the codec', () => {
  test.each(['msgpack', 'json', 'v8', 'raw'] as const)('%s', (codec) => {
    using both = pair({ codec });
    const { producer, consumer } = both;
    for (const length of [0, 1, 7, 8, 9, 63, 64, 127, 128, 129, 1000, 70_000]) {
      const bytes = new Uint8Array(randomBytes(length));
      producer.putSync(bytes);
      const got = consumer.getSync();
      expect(got).toEqual(bytes);
      expect(Object.getPrototypeOf(got)).toBe(Uint8Array.prototype);
      producer.putSync(Buffer.from(bytes));
      const buffer = consumer.getSync();
      expect(Buffer.isBuffer(buffer)).toBe(true);
      expect(buffer).toEqual(Buffer.from(bytes));
    }
    if (codec === 'raw') return;
    for (const text of [
      '',
      'x',
      'hello',
      'ä€😀',
      '\0',
      'x'.repeat(100_000),
      '€'.repeat(10_000),
      '\ud800 alone',
      '\udfff',
    ]) {
      producer.putSync(text);
      expect(consumer.getSync()).toBe(text);
    }
  });

  test('what arrives is private: neither side changes it afterwards', () => {
    using both = pair();
    const { producer, consumer } = both;
    const sent = new Uint8Array([1, 2, 3]);
    producer.putSync(sent);
    sent[0] = 9;
    const got = consumer.getSync() as Uint8Array;
    expect([...got]).toEqual([1, 2, 3]);
    const nested = { inner: new Uint8Array([4, 5]) };
    producer.putSync(nested);
    const first = consumer.getSync() as typeof nested;
    producer.putSync({ inner: new Uint8Array([6, 7]) });
    consumer.getSync();
    expect([...first.inner]).toEqual([4, 5]);
    const view = new Uint8Array(new Uint8Array([9, 8, 7, 6]).buffer, 1, 2);
    producer.putSync(view);
    expect([...(consumer.getSync() as Uint8Array)]).toEqual([8, 7]);
  });
});

describe('codecs', () => {
  test.each(['msgpack', 'v8'] as const)('%s carries what structured clone carries', (codec) => {
    using both = pair({ codec });
    for (const message of ANYTHING) {
      both.producer.putSync(message);
      expect(both.consumer.getSync()).toEqual(message);
    }
    const loop: { self?: unknown } = {};
    loop.self = loop;
    both.producer.putSync(loop);
    const got = both.consumer.getSync() as { self: unknown };
    expect(got.self).toBe(got);
  });

  test('json carries JSON', () => {
    using both = pair({ codec: 'json' });
    for (const message of [null, 1, true, [], {}, { a: [1, 'ä', null] }]) {
      both.producer.putSync(message);
      expect(both.consumer.getSync()).toEqual(message);
    }
  });

  test('one of your own', () => {
    const codec = {
      name: 'mine',
      encode: (message: unknown) => Buffer.from(`<${JSON.stringify(message)}>`),
      decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString().slice(1, -1)),
    };
    const name = freshName();
    using queue = SpscQueue.create<{ n: number }>(name, { codec });
    using producer = queue.producer();
    using consumer = SpscQueue.consumer<{ n: number }>(name, { codec });
    producer.putSync({ n: 1 });
    expect(consumer.getSync()?.n).toBe(1);
    expect(queue.codec).toBe('mine');
    expect(() => SpscQueue.attach(name)).toThrow(/a codec of your own, 'mine'/);
    expect(() => SpscQueue.attach(name, { codec: 'json' })).toThrow(/uses codec 'mine', not 'json'/);
    for (const bad of [
      'xml',
      7,
      null,
      {},
      { ...codec, name: '' },
      { ...codec, name: 'json' },
      { name: 'x', encode: 1 },
    ]) {
      expect(() => SpscQueue.create(freshName(), { codec: bad as never }), String(bad)).toThrow();
    }
  });

  test('the codec need not be given again; another one is refused', () => {
    const name = freshName();
    using _queue = SpscQueue.create(name, { codec: 'json' });
    using attached = SpscQueue.open(name);
    expect(attached.codec).toBe('json');
    expect(() => SpscQueue.open(name, { codec: 'v8' })).toThrow(/codec 'json', not 'v8'/);
    expect(() => SpscQueue.open(name, { capacity: 64 })).toThrow(/capacity of 1048576 bytes, not 64/);
  });
});

describe('a message that cannot be sent throws in put and changes nothing', () => {
  const cases: [string, unknown, string][] = [
    ['undefined', undefined, 'msgpack'],
    ['a function', () => 1, 'msgpack'],
    ['a function inside', { a: () => 1 }, 'msgpack'],
    ['a symbol', Symbol('x'), 'msgpack'],
    ['undefined', undefined, 'json'],
    ['a bigint in JSON', 1n, 'json'],
    ['a function in JSON', () => 1, 'json'],
    [
      'a loop in JSON',
      (() => {
        const o: Record<string, unknown> = {};
        o.o = o;
        return o;
      })(),
      'json',
    ],
    ['a function in v8', () => 1, 'v8'],
    ['a string in raw', 'x', 'raw'],
    ['an object in raw', {}, 'raw'],
    [
      'a toJSON that throws',
      {
        toJSON() {
          throw new Error('no');
        },
      },
      'json',
    ],
  ];
  test.each(cases)('%s (%s)', async (_, message, codec) => {
    using both = pair({ codec: codec as never });
    const { producer, consumer, queue } = both;
    expect(() => producer.tryPut(message)).toThrow(TypeError);
    expect(() => producer.putSync(message)).toThrow(TypeError);
    await expect(producer.put(message)).rejects.toThrow(TypeError);
    const good = new Uint8Array([1]);
    expect(() => producer.tryPutMany([good, message])).toThrow(TypeError);
    expect(() => producer.putManySync([good, message])).toThrow(TypeError);
    await expect(producer.putMany([good, message])).rejects.toThrow(TypeError);
    expect(queue.used).toBe(0);
    producer.putSync(good);
    expect(consumer.drain()).toEqual([good]);
  });

  test('70,000 KB in a 64 KB queue is a RangeError with both sizes, in every form', async () => {
    using both = pair({ capacity: '64KB' });
    const { producer, queue } = both;
    const huge = new Uint8Array(70_000 * 1024);
    const forms = [
      () => producer.tryPut(huge),
      () => producer.putSync(huge),
      () => producer.tryPutMany(['x', huge]),
      () => producer.putManySync(['x', huge]),
      () => producer.reserve(huge.length),
      () => producer.tryPut('x'.repeat(70_000)),
      () => producer.tryPut({ text: 'x'.repeat(70_000) }),
      () => producer.tryPut(`\ud800${'x'.repeat(40_000)}`),
    ];
    for (const form of forms) expect(form, String(form)).toThrow(/at most 65528 bytes/);
    await expect(producer.put(huge)).rejects.toThrow(/got 71680000/);
    await expect(producer.putMany(['x', huge])).rejects.toThrow(RangeError);
    expect(queue.used).toBe(0);
  });

  test('msgpackr used by the program itself is not disturbed', () => {
    const { pack, unpack } = require('msgpackr') as typeof import('msgpackr');
    using both = pair();
    const packed = [1, 2, 3].map((n) => {
      const bytes = pack({ n, text: 'x'.repeat(50) });
      both.producer.putSync({ other: n, filler: 'y'.repeat(100) });
      return bytes;
    });
    expect(packed.map((bytes) => unpack(bytes).n)).toEqual([1, 2, 3]);
    expect(both.consumer.drain().map((message) => (message as { other: number }).other)).toEqual([1, 2, 3]);
  });

  test('an instance of a class travels as plain data', () => {
    using both = pair();
    both.producer.putSync(new Mine());
    expect(both.consumer.getSync()).toEqual({ x: 1 });
  });
});

test('a message that makes no sense is a CorruptError, is dropped, and blocks nobody', async () => {
  const name = freshName();
  using queue = SpscQueue.create(name, { codec: 'json' });
  using producer = queue.producer();
  using consumer = queue.consumer();
  const spoil = () => {
    const bytes = producer.reserve(4)!;
    // The frame's type lies right before its bytes: make it a codec message that is no JSON.
    new Int32Array(bytes.buffer, bytes.byteOffset - 4, 1)[0] = 0;
    bytes.set(Buffer.from('{{{{'));
    producer.commit();
    new Int32Array(bytes.buffer, bytes.byteOffset - 4, 1)[0] = 4;
  };
  spoil();
  producer.putSync('good');
  expect(() => consumer.getSync()).toThrow(CorruptError);
  expect(consumer.getSync()).toBe('good');
  producer.putSync('first');
  spoil();
  producer.putSync('last');
  expect(consumer.drain()).toEqual(['first']);
  expect(() => consumer.drain()).toThrow(CorruptError);
  expect(await consumer.get()).toBe('last');
});
