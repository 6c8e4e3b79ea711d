// What can be a message of a Queue, what a Queue can be made of, and what tools see of it.

import { inspect, MismatchError, Queue, SpscQueue, unlink } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { isthmus } from '../cli/command.js';
import { freshName, startWith } from '../processes/start.js';
import { coded, contents } from '../sync/kinds.js';

describe('options', () => {
  test('defaults, and what one reads from the object', () => {
    const name = freshName();
    using queue = Queue.create(name);
    expect([queue.name, queue.capacity, queue.maxItems, queue.codec, queue.maxMessageBytes]).toEqual([
      `/${name}`,
      1024 * 1024,
      Number.POSITIVE_INFINITY,
      'msgpack',
      1024 * 1024 - 8,
    ]);
    using other = Queue.create(`/${freshName()}`, { capacity: '64KB', maxItems: 7, codec: 'json' });
    using attached = Queue.attach(other.name);
    expect([attached.capacity, attached.maxItems, attached.codec]).toEqual([65_536, 7, 'json']);
  });

  test.each<[object, string]>([
    [{ maxItems: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ maxItems: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ maxItems: 1.5 }, 'ERR_OUT_OF_RANGE'],
    [{ maxItems: Number.NaN }, 'ERR_OUT_OF_RANGE'],
    [{ maxItems: 2 ** 30 }, 'ERR_OUT_OF_RANGE'],
    [{ maxItems: '2' }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxItems: null }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxJobs: 0 }, 'ERR_OUT_OF_RANGE'],
    [{ maxJobs: 65_537 }, 'ERR_OUT_OF_RANGE'],
    [{ maxJobs: '8' }, 'ERR_INVALID_ARG_TYPE'],
    [{ capacity: 56 }, 'ERR_OUT_OF_RANGE'],
    [{ capacity: 65 }, 'ERR_OUT_OF_RANGE'],
    [{ capacity: '2GB' }, 'ERR_OUT_OF_RANGE'],
    [{ codec: 'xml' }, 'ERR_OUT_OF_RANGE'],
    [{ maxAttempts: 3 }, 'ERR_INVALID_ARG_TYPE'],
    [{ deadLetter: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ maxAttempts: 0, deadLetter: 'x' }, 'ERR_OUT_OF_RANGE'],
    [{ maxAttempts: 1, deadLetter: 'a/b' }, 'ERR_OUT_OF_RANGE'],
    [{ maxSize: 3 }, 'ERR_INVALID_ARG_VALUE'],
  ])('%o is refused before anything is made', (options, code) => {
    const name = freshName();
    expect(() => Queue.create(name, options)).toThrow(coded(code) as Error);
    expect(() => Queue.open(name, options)).toThrow(coded(code) as Error);
    expect(() => Queue.attach(name)).toThrow(coded('ENOENT') as Error);
  });

  test('a queue cannot be its own dead-letter queue', () => {
    const name = freshName();
    const options = { maxAttempts: 1, deadLetter: `/${name}` };
    expect(() => Queue.create(name, options)).toThrow(/another queue than the one it serves/);
  });

  test('open compares what was given, and nothing else', () => {
    const name = freshName();
    const made = {
      capacity: 4096,
      maxItems: 5,
      maxJobs: 3,
      maxAttempts: 2,
      deadLetter: 'dead',
      codec: 'json',
    } as const;
    using _queue = Queue.create(name, made);
    using _same = Queue.open(name, made);
    using _less = Queue.open(name);
    const others = { capacity: 64, maxItems: 6, maxJobs: 4, codec: 'v8' } as const;
    for (const [option, value] of Object.entries(others))
      expect(() => Queue.open(name, { [option]: value }), option).toThrow(MismatchError);
    expect(() => Queue.open(name, { maxAttempts: 3, deadLetter: 'dead' })).toThrow(/maxAttempts of 2, not 3/);
    expect(() => Queue.open(name, { maxAttempts: 2, deadLetter: 'else' })).toThrow(/deadLetter of dead/);
    expect(() => Queue.open(name, { maxItems: Number.POSITIVE_INFINITY })).toThrow(/maxItems of 5/);
    expect(() => Queue.create(name)).toThrow(coded('EEXIST') as Error);
    expect(() => SpscQueue.attach(name)).toThrow(MismatchError);
    using unlimited = Queue.create(freshName(), { maxItems: Number.POSITIVE_INFINITY });
    expect(() => Queue.open(unlimited.name, { maxItems: 5 })).toThrow(/maxItems of none, not 5/);
    using _again = Queue.open(unlimited.name, { maxItems: Number.POSITIVE_INFINITY });
  });

  test('a codec of your own must be given again, and is what messages go through', () => {
    const codec = {
      name: 'mine',
      encode: (message: { n: number }) => Buffer.from(`<${JSON.stringify(message)}>`),
      decode: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString().slice(1, -1)),
    };
    using queue = Queue.create<{ n: number }>(freshName(), { codec });
    using other = Queue.attach<{ n: number }>(queue.name, { codec });
    queue.putSync({ n: 1 });
    expect(other.takeSync()!.message.n).toBe(1);
    expect(() => Queue.attach(queue.name)).toThrow(/a codec of your own, 'mine'/);
  });
});

describe('messages', () => {
  const TEXTS = ['', 'x', '\0', 'ä€😀', '\ud800 alone', '\udfff', 'x'.repeat(5000), '€'.repeat(3000)];
  const BYTES = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000, 70_000];

  test.each(['msgpack', 'json', 'v8', 'raw'] as const)(
    'bytes and strings travel as they are (%s)',
    async (codec) => {
      using queue = Queue.create<unknown>(freshName(), { codec });
      for (const length of BYTES) {
        const bytes = new Uint8Array(length).map((_, n) => n * 7);
        await queue.putMany([bytes, Buffer.from(bytes), bytes]);
        const [one, two] = await queue.getMany(2);
        expect([one, two]).toEqual([bytes, Buffer.from(bytes)]);
        expect([Buffer.isBuffer(one), Buffer.isBuffer(two)]).toEqual([false, true]);
        expect(queue.takeSync()!.message).toEqual(bytes);
      }
      if (codec === 'raw') return;
      queue.putManySync(TEXTS);
      expect(queue.tryGetMany()).toEqual(TEXTS);
      for (const text of TEXTS) {
        queue.putSync(text);
        expect(queue.takeSync()!.message).toBe(text);
      }
    },
  );

  test.each(['msgpack', 'v8', 'json'] as const)('anything else goes through the codec (%s)', (codec) => {
    using queue = Queue.create<unknown>(freshName(), { codec });
    const all: unknown[] = [null, 0, -1.5, true, false, [], {}, [1, [null]], { a: { b: 'ä' } }];
    if (codec !== 'json')
      all.push(new Map([[1, { a: 2 }]]), new Set([1]), new Date(5), 2n ** 70n, Number.NaN);
    for (const message of all) {
      queue.putSync(message);
      queue.putSync(message);
      expect(queue.getSync()).toEqual(message);
      using job = queue.takeSync()!;
      expect(job.message).toEqual(message);
      job.done();
    }
    queue.joinSync({ timeout: 0 });
  });

  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'msgpack'],
    ['a function', () => 1, 'msgpack'],
    ['a symbol', Symbol('x'), 'msgpack'],
    ['a bigint in JSON', 1n, 'json'],
    ['a string in raw', 'x', 'raw'],
    ['an object in raw', {}, 'raw'],
  ])('%s throws in put and changes nothing (%s)', async (_, message, codec) => {
    using queue = Queue.create<unknown>(freshName(), { codec: codec as 'json' });
    const good = new Uint8Array([1]);
    for (const put of [
      () => queue.tryPut(message),
      () => queue.putSync(message),
      () => queue.tryPutMany([good, message]),
      () => queue.putManySync([good, message]),
    ])
      expect(put).toThrow(TypeError);
    await expect(queue.put(message)).rejects.toThrow(TypeError);
    await expect(queue.putMany([good, message])).rejects.toThrow(TypeError);
    expect(queue.size).toBe(0);
    queue.joinSync({ timeout: 0 }); // W7: it does not count
  });

  test('one that is too large is a RangeError with both sizes, in every form', async () => {
    using queue = Queue.create<unknown>(freshName(), { capacity: 64 });
    const huge = new Uint8Array(57);
    for (const put of [
      () => queue.tryPut(huge),
      () => queue.putSync(huge, { timeout: 0 }),
      () => queue.tryPutMany([huge]),
      () => queue.putManySync(['x', huge]),
      () => queue.tryPut('x'.repeat(57)),
      () => queue.tryPut({ x: 'x'.repeat(57) }),
    ])
      expect(put).toThrow(/at most 56 bytes.*got \d+/);
    await expect(queue.put(huge)).rejects.toThrow(RangeError);
    await expect(queue.putMany(['x', huge])).rejects.toThrow(/got 57/);
    expect([queue.size, queue.maxMessageBytes]).toEqual([0, 56]);
    for (let round = 0; round < 300; round++) {
      const message = new Uint8Array(round % 57).fill(round);
      expect(queue.tryPut(message)).toBe(true);
      expect(queue.isFull).toBe(true);
      expect(queue.tryPut('')).toBe(false); // an empty one takes a block, too
      expect(queue.tryGet()).toEqual(message);
    }
  });

  test('every size at every fill', () => {
    using queue = Queue.create<Uint8Array>(freshName(), { capacity: 640 });
    const inside: Uint8Array[] = [];
    let used = 0;
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const blocks = (length: number) => Math.max(1, Math.ceil(length / 64));
    for (let step = 0; step < 5000; step++) {
      if (random(2) === 0) {
        const message = new Uint8Array(random(633)).fill(step);
        const fits = used + blocks(message.length) <= 10;
        expect(queue.tryPut(message)).toBe(fits);
        if (!fits) continue;
        inside.push(message);
        used += blocks(message.length);
      } else {
        const expected = inside.shift();
        expect(queue.tryGet()).toEqual(expected);
        used -= expected === undefined ? 0 : blocks(expected.length);
      }
      expect([queue.size, queue.isFull]).toEqual([inside.length, used === 10]);
    }
  });
});

test('inspect tells what is in it, and ls lists it', async () => {
  const name = freshName();
  using queue = Queue.create<number>(name, { capacity: 4096, maxItems: 9 });
  queue.putManySync([1, 2, 3, 4]);
  const job = queue.takeSync()!;
  queue.takeSync()!.retry();
  const holder = expect.objectContaining({ pid: process.pid, alive: true });
  expect(inspect(name)).toMatchObject({
    name: `/${name}`,
    kind: 'queue',
    participants: [{ pid: process.pid }],
  });
  expect(contents(name)).toEqual({
    size: 3,
    capacity: 4096,
    maxItems: 9,
    put: 4,
    taken: 2,
    ended: false,
    jobs: [{ holder, attempt: 1 }],
  });
  job.done();
  queue.tryGetMany();
  queue.end();
  expect(contents(name)).toMatchObject({ size: 0, ended: true, jobs: [] });
  const { stdout } = await isthmus(['ls']);
  expect(String(stdout)).toMatch(new RegExp(`queue\\s+/${name}`));
});

test('pending waits keep the process alive unless told otherwise', async () => {
  for (const keeps of [true, false]) {
    const name = freshName();
    using queue = Queue.create(name);
    const peer = startWith(
      {},
      ({ Queue }, { args, say }) => {
        const [name, keeps] = args as unknown as [string, boolean];
        const queue = Queue.attach(name);
        if (!keeps) queue.unref();
        say('waits');
        for (const wait of [queue.get(), queue.take(), queue.getMany()]) wait.then(() => say('got'));
      },
      name,
      keeps,
    );
    expect(await peer.said()).toBe('waits');
    if (keeps) {
      queue.putManySync([1, 2, 3]);
      for (let n = 0; n < 3; n++) expect(await peer.said()).toBe('got');
    }
    await peer.done();
    unlink(name);
  }
});
