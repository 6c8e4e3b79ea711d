import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedError, RoleTakenError, SpscQueue, TimeoutError } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';

describe('edges of tiny rings', () => {
  // Positions start so that they pass 2^31 and 2^32 on the way; and at every offset of the ring.
  const STARTS = [0, 2 ** 31 - 64, 2 ** 31 - 8, 2 ** 31, 2 ** 32 - 64, 2 ** 32 - 8, 65_536 - 24];

  test.each(STARTS)('every size at every fill, positions from %d', (startPosition) => {
    for (const capacity of [64, 72, 128]) {
      using queue = SpscQueue.create<Uint8Array>(freshName(), { capacity, startPosition });
      using producer = queue.producer();
      using consumer = queue.consumer();
      const inside: Uint8Array[] = [];
      let used = 0;
      let seed = 1;
      const random = (below: number) => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed % below;
      };
      for (let step = 0; step < 3000; step++) {
        if (random(2) === 0) {
          const message = new Uint8Array(random(capacity - 7)).fill(step);
          const frame = 8 + Math.ceil(message.length / 8) * 8;
          const fits = used + frame <= capacity;
          expect(producer.tryPut(message)).toBe(fits);
          if (fits) {
            inside.push(message);
            used += frame;
          }
        } else {
          const expected = inside.shift();
          expect(consumer.tryGet()).toEqual(expected);
          if (expected !== undefined) used -= 8 + Math.ceil(expected.length / 8) * 8;
        }
        expect(queue.used).toBe(used);
      }
    }
  });

  test('the largest message has capacity - 8 bytes, the smallest none', () => {
    using queue = SpscQueue.create<Uint8Array>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    for (let round = 0; round < 5000; round++) {
      const message = new Uint8Array(round % 2 === 0 ? 56 : 0).fill(round);
      expect(producer.tryPut(message)).toBe(true);
      if (message.length === 56) expect(producer.tryPut(new Uint8Array(0))).toBe(false);
      expect(consumer.tryGet()).toEqual(message);
      expect(consumer.tryGet()).toBe(undefined);
    }
    expect(() => producer.tryPut(new Uint8Array(57))).toThrow(RangeError);
    expect(producer.maxMessageBytes).toBe(56);
  });
});

describe('roles', () => {
  test('a second one is refused with the pid, in this process and in another, and free after close', async () => {
    const name = freshName();
    using producer = SpscQueue.producer(name);
    using consumer = SpscQueue.consumer(name);
    expect(() => SpscQueue.producer(name)).toThrow(RoleTakenError);
    expect(() => SpscQueue.consumer(name)).toThrow(RoleTakenError);
    expect(producer.tryPut('still mine')).toBe(true); // the refusal took nothing away
    expect(consumer.tryGet()).toBe('still mine');
    const peer = start(async ({ SpscQueue }, { args, say, heard }) => {
      for (const role of ['producer', 'consumer'] as const) {
        try {
          SpscQueue[role](args[0]!);
        } catch (error) {
          say([(error as { code: string }).code, (error as { pid: number }).pid]);
        }
      }
      await heard();
      SpscQueue.producer(args[0]!).putSync('from the new one');
      say();
    }, name);
    expect(await peer.said()).toEqual(['ERR_ISTHMUS_ROLE_TAKEN', process.pid]);
    expect(await peer.said()).toEqual(['ERR_ISTHMUS_ROLE_TAKEN', process.pid]);
    producer.close();
    peer.tell();
    await peer.said();
    expect(await consumer.get()).toBe('from the new one');
  });

  test('the role of a killed process is taken over', async () => {
    const name = freshName();
    for (let round = 0; round < 3; round++) {
      const peer = start(({ SpscQueue }, { args, say }) => {
        const producer = SpscQueue.producer<string>(args[0]!);
        producer.putSync('published');
        producer.reserve(100)!.fill(7); // never committed
        say();
        setInterval(() => undefined, 1000);
      }, name);
      await peer.said();
      peer.kill();
      await peer.exited;
    }
    using producer = SpscQueue.producer<string>(name);
    producer.putSync('from the successor');
    using consumer = SpscQueue.consumer<string>(name);
    expect(consumer.drain()).toEqual(['published', 'published', 'published', 'from the successor']);
  });
});

describe.each(FORMS)('%s form', (form) => {
  const sync = form === 'Sync';

  test('get waits for put, put waits for room, in order', async () => {
    const name = freshName();
    const peer = start(
      async ({ SpscQueue }, { args, say }) => {
        const [name, sync] = args as unknown as [string, boolean];
        const consumer = SpscQueue.consumer<number>(name, { capacity: 64 });
        say();
        let expected = 0;
        for (;;) {
          const got = sync ? consumer.getSync() : await consumer.get();
          if (got === undefined) break;
          if (got !== expected) throw new Error(`${got} instead of ${expected}`);
          expected++;
        }
        say([expected, consumer.ended, consumer.getSync(), await consumer.get(), consumer.getManySync()]);
      },
      name,
      sync,
    );
    await peer.said();
    await sleep(50);
    using producer = SpscQueue.producer<number>(name, { capacity: 64 });
    for (let i = 0; i < 5000; i++) {
      if (sync) producer.putSync(i);
      else await producer.put(i);
      if (i % 1000 === 0) await sleep(20);
    }
    producer.end();
    expect(await peer.said()).toEqual([5000, true, undefined, undefined, []]);
    await peer.done();
  });

  test('the Many forms keep order and put everything', async () => {
    const name = freshName();
    const peer = start(
      async ({ SpscQueue }, { args, say }) => {
        const [name, sync] = args as unknown as [string, boolean];
        const producer = SpscQueue.producer<number>(name, { capacity: 256 });
        let next = 0;
        for (const size of [1, 3, 0, 100, 1000]) {
          const batch = Array.from({ length: size }, () => next++);
          if (sync) producer.putManySync(batch);
          else await producer.putMany(batch);
        }
        producer.end();
        say(next);
        if (sync) producer.flushSync();
        else await producer.flush();
        say('flushed');
      },
      name,
      sync,
    );
    using consumer = SpscQueue.consumer<number>(name, { capacity: 256 });
    const got: number[] = [];
    for (;;) {
      const batch = sync ? consumer.getManySync(7) : await consumer.getMany(7);
      if (batch.length === 0) break;
      expect(batch.length).toBeLessThanOrEqual(7);
      got.push(...batch);
    }
    expect(got).toEqual(Array.from({ length: 1104 }, (_, i) => i));
    expect(await peer.said()).toBe(1104);
    expect(await peer.said()).toBe('flushed');
  });

  test('timeouts change nothing and say how many were put', async () => {
    using queue = SpscQueue.create<string>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    const wait = { timeout: 20 };
    const attempt = async (act: () => unknown) => {
      try {
        return await act();
      } catch (error) {
        return error;
      }
    };
    expect(await attempt(() => (sync ? consumer.getSync(wait) : consumer.get(wait)))).toBeInstanceOf(
      TimeoutError,
    );
    expect(
      await attempt(() => (sync ? consumer.getManySync(3, wait) : consumer.getMany(3, wait))),
    ).toBeInstanceOf(TimeoutError);
    const many = ['12345678', '12345678', '12345678', '12345678', 'too much'];
    const error = await attempt(() =>
      sync ? producer.putManySync(many, wait) : producer.putMany(many, wait),
    );
    expect(error).toBeInstanceOf(TimeoutError);
    expect((error as TimeoutError).accepted).toBe(4);
    expect(
      await attempt(() => (sync ? producer.putSync('x', wait) : producer.put('x', wait))),
    ).toBeInstanceOf(TimeoutError);
    expect(await attempt(() => (sync ? producer.flushSync(wait) : producer.flush(wait)))).toBeInstanceOf(
      TimeoutError,
    );
    expect(consumer.drain()).toEqual(many.slice(0, 4));
  });
});

describe('promise forms of one handle', () => {
  test('are served in the order of the calls; try and Sync forms do not overtake', async () => {
    using queue = SpscQueue.create<string>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putSync('x'.repeat(40));
    const order: string[] = [];
    const puts = [
      producer.put('L'.repeat(56)).then(() => order.push('large')),
      producer.put('small').then(() => order.push('small')),
    ];
    expect(producer.tryPut('s')).toBe(false); // there is room, but not before the others
    expect(producer.tryPutMany(['s'])).toBe(0);
    expect(producer.reserve(1)).toBe(undefined);
    await sleep(20);
    expect(consumer.getSync()).toBe('x'.repeat(40));
    expect(await consumer.get()).toBe('L'.repeat(56));
    expect(await consumer.get()).toBe('small');
    await Promise.all(puts);
    expect(order).toEqual(['large', 'small']);

    const gets = [consumer.get(), consumer.get(), consumer.getMany(2)];
    await sleep(10);
    expect(consumer.tryGet()).toBe(undefined);
    for (const message of ['1', '2', '3']) producer.putSync(message);
    expect(await Promise.all(gets)).toEqual(['1', '2', ['3']]);
  });

  test('a cancelled get loses no message, a cancelled put is not put', async () => {
    using queue = SpscQueue.create<string>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    const abort = new AbortController();
    const first = consumer.get({ signal: abort.signal });
    const second = consumer.get();
    await sleep(10);
    abort.abort();
    await expect(first).rejects.toThrow(/abort/i);
    producer.putSync('for the second');
    expect(await second).toBe('for the second');

    producer.putSync(new Uint8Array(56) as never);
    const cancel = new AbortController();
    const put = producer.put('never', { signal: cancel.signal });
    const behind = producer.put('behind');
    cancel.abort();
    await expect(put).rejects.toThrow(/abort/i);
    consumer.getSync();
    await behind;
    expect(consumer.drain()).toEqual(['behind']);
  });

  test('a message that waits for room is the one that was given, even if its bytes change meanwhile', async () => {
    using queue = SpscQueue.create<Uint8Array>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putSync(new Uint8Array(56));
    const mine = new Uint8Array([1, 2, 3]);
    const put = producer.put(mine);
    mine.fill(9);
    consumer.getSync();
    await put;
    expect(consumer.getSync()).toEqual(new Uint8Array([1, 2, 3]));
  });
});

describe('in place', () => {
  test('reserve, fill, commit; cancel leaves nothing; commit may shorten', () => {
    using queue = SpscQueue.create<Uint8Array>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    const first = producer.reserve(20)!;
    first.fill(1);
    expect(consumer.tryGet()).toBe(undefined); // not visible before commit
    expect(() => producer.tryPut(new Uint8Array(1))).toThrow(/reservation is open/);
    expect(() => producer.reserve(1)).toThrow(/reservation is open/);
    producer.commit(3);
    expect(consumer.tryGet()).toEqual(new Uint8Array([1, 1, 1]));
    producer.reserve(56)!.fill(2);
    producer.cancel();
    expect(queue.used).toBe(0);
    expect(() => producer.commit()).toThrow(/nothing is reserved/);
    producer.reserve(10);
    expect(() => producer.commit(11)).toThrow(RangeError);
    producer.commit(0);
    expect(consumer.tryGet()).toEqual(new Uint8Array(0));
    expect(producer.reserve(56)).toHaveLength(56);
    producer.commit();
    expect(producer.reserve(0)).toBe(undefined);
    expect(() => producer.reserve(57)).toThrow(RangeError);
    expect(() => producer.reserve(-1)).toThrow(RangeError);
  });

  test('puts that wait do not mix with a reservation', async () => {
    using queue = SpscQueue.create<Uint8Array>(freshName(), { capacity: 128 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putSync(new Uint8Array(56).fill(1));
    const waiting = producer.put(new Uint8Array(100).fill(2));
    expect(producer.reserve(8)).toBe(undefined); // not before the one that waits
    consumer.getSync();
    await waiting;
    expect(consumer.getSync()).toEqual(new Uint8Array(100).fill(2));
  });

  test('peek shows, release consumes; get after peek takes the same message', () => {
    using queue = SpscQueue.create<Uint8Array>(freshName(), { capacity: 128 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    expect(consumer.peek()).toBe(undefined);
    expect(() => consumer.release()).toThrow(/nothing was peeked/);
    for (const n of [1, 2, 3]) producer.putSync(new Uint8Array([n]));
    expect([...consumer.peek()!]).toEqual([1]);
    expect([...consumer.peek()!]).toEqual([1]);
    consumer.release();
    expect(() => consumer.release()).toThrow(/nothing was peeked/);
    expect([...consumer.peek()!]).toEqual([2]);
    expect(consumer.getSync()).toEqual(new Uint8Array([2]));
    expect(() => consumer.release()).toThrow(/nothing was peeked/);
    expect(consumer.drain()).toEqual([new Uint8Array([3])]);
  });
});

describe('the end', () => {
  test('is seen after what was put; final for the object', async () => {
    const name = freshName();
    const producer = SpscQueue.producer<string>(name);
    using consumer = SpscQueue.consumer<string>(name);
    producer.putSync('last');
    producer.end();
    producer.end();
    expect(producer.ended).toBe(true);
    expect(consumer.ended).toBe(false);
    expect(() => producer.tryPut('x')).toThrow(ClosedError);
    await expect(producer.put('x')).rejects.toThrow(/has ended/);
    expect(() => producer.reserve(1)).toThrow(ClosedError);
    expect(consumer.getSync()).toBe('last');
    expect(consumer.getSync()).toBe(undefined);
    expect(consumer.ended).toBe(true);
    expect(consumer.peek()).toBe(undefined);
    producer.close();
    expect(() => SpscQueue.producer(name)).toThrow(/unlink it first/);
  });

  test('ends pending puts with ClosedError, pending gets with undefined', async () => {
    using queue = SpscQueue.create<string>(freshName(), { capacity: 64 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    const gets = [consumer.get(), consumer.getMany()];
    await sleep(10);
    producer.putSync('one');
    await sleep(10);
    producer.putSync('x'.repeat(56));
    await gets[1];
    producer.putSync('y'.repeat(56));
    const put = producer.put('z'.repeat(56));
    producer.end();
    await expect(put).rejects.toThrow(ClosedError);
    expect(await Promise.all(gets)).toEqual(['one', ['x'.repeat(56)]]);
    expect(await consumer.get()).toBe('y'.repeat(56));
    expect(await consumer.get()).toBe(undefined);
  });

  test('close is not the end: the consumer goes on waiting for a successor', async () => {
    const name = freshName();
    SpscQueue.producer<string>(name).close();
    using consumer = SpscQueue.consumer<string>(name);
    const get = consumer.get();
    await sleep(30);
    using successor = SpscQueue.producer<string>(name);
    successor.putSync('hello');
    expect(await get).toBe('hello');
  });
});

describe('iteration', () => {
  test('for await and batches() give everything until the end; leaving keeps the rest', async () => {
    using queue = SpscQueue.create<number>(freshName());
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putManySync([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for await (const message of consumer) if (message === 2) break;
    const batches: number[][] = [];
    for await (const batch of consumer.batches(3)) {
      batches.push(batch);
      if (batches.length === 2) producer.end();
    }
    expect(batches).toEqual([[3, 4, 5], [6, 7, 8], [9]]);
    await expect(consumer.batches(0).next()).rejects.toThrow(RangeError);
  });
});
