// A Queue without deaths: what is put, how one waits, how it ends. After the tables of Python's Queue, JoinableQueue and
// SimpleQueue, and beside what is wrong with them.

import { setTimeout as sleep } from 'node:timers/promises';
import { ClosedError, type Job, NotOwnerError, Queue, TimeoutError } from 'isthmus';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';
import { coded, type Form } from '../sync/kinds.js';
import { forms, seen } from './queue-forms.js';

const SMALL = { maxItems: 2 };

describe.each(FORMS)('%s form', (form) => {
  test('size, isEmpty and isFull are exact directly after put and get', async () => {
    using queue = Queue.create<number>(freshName(), { maxItems: 3 });
    using other = Queue.attach<number>(queue.name);
    const { put, get } = forms(queue, form);
    const state = () => [other.size, queue.isEmpty, other.isFull];
    for (let round = 0; round < 100; round++) {
      expect(state()).toEqual([0, true, false]);
      await put(1);
      expect(state()).toEqual([1, false, false]);
      expect(other.tryGet()).toBe(1); // W8: what was put is there at once
      await put(2);
      await put(3);
      await put(4);
      expect(state()).toEqual([3, false, true]);
      expect(queue.tryPut(5)).toBe(false);
      expect([await get(), await get(), await get()]).toEqual([2, 3, 4]);
    }
    expect(other.tryGet()).toBe(undefined);
  });

  test('many producers, many consumers, in both orders of starting: each message once, each producer in its order', async () => {
    const name = freshName();
    Queue.create(name, { capacity: 1024 }).close();
    const produce = (who: number) =>
      start(
        async ({ Queue }, { args }) => {
          const [name, form, who] = args as unknown as [string, Form, number];
          const queue = Queue.attach(name);
          for (let n = 0; n < 2000; n++) {
            if (form === 'Sync') queue.putSync([who, n]);
            else await queue.put([who, n]);
          }
        },
        name,
        form,
        who,
      );
    const consume = () =>
      start(
        async ({ Queue }, { args, say }) => {
          const [name, form] = args as unknown as [string, Form];
          const queue = Queue.attach<number[]>(name);
          const all: number[][] = [];
          for (;;) {
            const message = form === 'Sync' ? queue.getSync() : await queue.get();
            if (message === undefined) break;
            all.push(message);
          }
          say(all);
        },
        name,
        form,
      );
    const consumers = [consume()];
    const producers = [0, 1].map(produce);
    consumers.push(consume());
    await Promise.all(producers.map((peer) => peer.done()));
    using queue = Queue.attach(name);
    queue.end();
    const got = await Promise.all(consumers.map((peer) => peer.said<[number, number][]>()));
    for (const all of got) {
      for (const who of [0, 1]) {
        const numbers = all.filter(([its]) => its === who).map(([, n]) => n);
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
    }
    const numbers = got.flat().map(([who, n]) => 2000 * who + n);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 4000 }, (_, n) => n));
  });

  test('a message that changes after put, also while put waits, arrives as it was', async () => {
    const name = freshName();
    using queue = Queue.create<{ n: number } | Uint8Array>(name, { maxItems: 1 });
    const object = { n: 1 };
    await forms(queue, form).put(object);
    object.n = 2;
    expect(queue.getSync()).toEqual({ n: 1 });
    queue.tryPut({ n: 3 });
    const bytes = new Uint8Array([7, 7]);
    const waits = [queue.put(object), queue.put(bytes), queue.putMany([bytes, object])];
    object.n = 9;
    bytes.fill(9);
    const got: unknown[] = [];
    for (let n = 0; n < 5; n++) got.push(await queue.get()); // a Sync form would keep our own puts waiting
    await Promise.all(waits);
    const was = new Uint8Array([7, 7]);
    expect(got).toEqual([{ n: 3 }, { n: 2 }, was, was, { n: 2 }]);
  });

  test('a timeout that is 0, negative, NaN or no number', async () => {
    using queue = Queue.create<number>(freshName(), SMALL);
    const { put, putMany, get, getMany, take, join } = forms(queue, form);
    for (const timeout of [0, -1, Number.NEGATIVE_INFINITY, 20]) {
      for (const wait of [() => get({ timeout }), () => getMany(2, { timeout }), () => take({ timeout })])
        await expect(wait()).rejects.toThrow(TimeoutError);
      await put(1, { timeout });
      await putMany([2], { timeout });
      await expect(put(3, { timeout })).rejects.toThrow(TimeoutError);
      await expect(putMany([3], { timeout })).rejects.toThrow(TimeoutError);
      await expect(join({ timeout })).rejects.toThrow(TimeoutError);
      expect(await getMany(9, { timeout })).toEqual([1, 2]);
      await join({ timeout });
    }
    for (const timeout of [Number.NaN, '1', null, true, 1n] as never[]) {
      const wait = { timeout };
      for (const act of [() => get(wait), () => getMany(1, wait), () => take(wait), () => join(wait)])
        await expect(act(), String(timeout)).rejects.toThrow(/timeout/);
      await expect(put(1, wait)).rejects.toThrow(/timeout/);
      await expect(putMany([1], wait)).rejects.toThrow(/timeout/);
    }
    expect(queue.size).toBe(0);
  });

  test('putMany says how many were accepted when its time is over, getMany takes what is there', async () => {
    using queue = Queue.create<number>(freshName(), { maxItems: 5 });
    const { putMany, getMany } = forms(queue, form);
    await putMany([]);
    const many = [1, 2, 3, 4, 5, 6, 7, 8];
    const error = await putMany(many, { timeout: 20 }).catch((e) => e);
    expect(error).toBeInstanceOf(TimeoutError);
    expect([error.accepted, error.message]).toEqual([5, expect.stringContaining('5 of 8')]);
    expect(await getMany(2)).toEqual([1, 2]);
    expect([queue.tryPutMany([6, 7, 8]), queue.tryGetMany()]).toEqual([2, [3, 4, 5, 6, 7]]);
    expect([queue.tryPutMany([]), queue.tryGetMany(1)]).toEqual([0, []]);
    for (const max of [0, -1, 1.5, Number.NaN]) await expect(getMany(max)).rejects.toThrow(RangeError);
    await expect(getMany('2' as never)).rejects.toThrow(TypeError);
    queue.tryPut(1);
    const waits = queue.putMany([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const got: number[] = [];
    while (got.length < 10) got.push(...(await queue.getMany()));
    expect(got).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await waits;
  });

  test('end: what is there can be taken, then everybody sees it; those who put fail, also those who wait', async () => {
    const name = freshName();
    using queue = Queue.create<number>(name, SMALL);
    const { put, putMany, get, getMany, take, join } = forms(queue, form);
    queue.putManySync([1, 2]);
    const putter = start(
      async ({ Queue }, { args, say }) => {
        const [name, form] = args as unknown as [string, Form];
        const queue = Queue.attach(name);
        say('puts');
        try {
          await (form === 'Sync' ? queue.putManySync([3, 4]) : queue.putMany([3, 4]));
        } catch (error) {
          say((error as { code: string }).code);
        }
      },
      name,
      form,
    );
    expect(await putter.said()).toBe('puts');
    await sleep(50);
    using own = Queue.attach<number>(name);
    const waits = [queue.put(3), own.put(3)].map((wait) => wait.catch((error) => error.code));
    own.end();
    own.end();
    expect(await putter.said()).toBe('ERR_ISTHMUS_CLOSED');
    expect(await Promise.all(waits)).toEqual(['ERR_ISTHMUS_CLOSED', 'ERR_ISTHMUS_CLOSED']);
    for (const act of [() => put(4), () => putMany([4]), () => put(4, { timeout: 0 }), () => putMany([])])
      await expect(act()).rejects.toThrow(/has ended.*unlink it first/);
    expect(() => own.tryPut(4)).toThrow(ClosedError);
    expect(() => own.tryPutMany([4])).toThrow(ClosedError);
    expect([queue.ended, queue.size]).toEqual([true, 2]);
    await expect(join({ timeout: 0 })).rejects.toThrow(TimeoutError);
    expect(await get()).toBe(1);
    const job = await take();
    expect(seen(job)).toEqual([2, 1]);
    job!.done();
    expect([await get(), await take(), await getMany(), queue.tryGet()]).toEqual([
      undefined,
      undefined,
      [],
      undefined,
    ]);
    await join();
    using late = Queue.open<number>(name);
    expect(() => late.tryPut(1)).toThrow(ClosedError);
    expect(await late.get()).toBe(undefined);
  });

  test('end wakes those who wait for a message', async () => {
    const name = freshName();
    using queue = Queue.create<number>(name);
    const peers = (['get', 'take', 'getMany'] as const).map((method) =>
      start(
        async ({ Queue }, { args, say }) => {
          const [name, form, method] = args as unknown as [string, Form, 'get' | 'take' | 'getMany'];
          const queue = Queue.attach(name);
          say('waits');
          say([form === 'Sync' ? queue[`${method}Sync`]() : await queue[method]()]);
        },
        name,
        form,
        method,
      ),
    );
    await Promise.all(peers.map((peer) => peer.said()));
    await sleep(50);
    const own = [queue.get(), queue.take(), queue.getMany()];
    queue.end();
    const ends = [[undefined], [undefined], [[]]];
    expect(await Promise.all(peers.map((peer) => peer.said()))).toEqual(ends);
    expect(await Promise.all(own)).toEqual(ends.flat());
  });

  test('join waits until everything is got or done; timeout and signal end it', async () => {
    using queue = Queue.create<number>(freshName());
    const { join, put, take } = forms(queue, form);
    await join();
    await put(1);
    await expect(join({ timeout: 20 })).rejects.toThrow(/not everything was done/);
    const signal = AbortSignal.timeout(20);
    const error = await queue.join({ signal }).catch((reason) => reason);
    expect(error).toBe(signal.reason);
    const joined = queue.join();
    const job = await take();
    await expect(join({ timeout: 20 })).rejects.toThrow(TimeoutError);
    job!.retry();
    await expect(join({ timeout: 0 })).rejects.toThrow(TimeoutError);
    (await take())!.done();
    await joined;
    expect(() => job!.done()).toThrow(NotOwnerError); // JoinableQueue: task_done() called too many times
    await put(2);
    const again = queue.join();
    expect(await forms(queue, form).get()).toBe(2);
    await again;
  });
});

test('for await gives the messages and ends with the queue', async () => {
  using queue = Queue.create<number>(freshName(), SMALL);
  const putting = queue.putMany([1, 2, 3, 4, 5]).then(() => queue.end());
  const got: number[] = [];
  for await (const message of queue) got.push(message);
  expect(got).toEqual([1, 2, 3, 4, 5]);
  await putting;
});

test('streams: bytes through a pipe, objects in object mode', async () => {
  using queue = Queue.create<Uint8Array>(freshName(), { capacity: 256 });
  const out = queue.writable();
  const all = Buffer.alloc(3000, 'abc');
  out.end(all);
  const chunks: Buffer[] = [];
  for await (const chunk of queue.readable()) chunks.push(chunk);
  expect(Buffer.concat(chunks)).toEqual(all);
  using objects = Queue.create<{ n: number }>(freshName());
  const writer = objects.writable({ objectMode: true });
  writer.write({ n: 1 });
  writer.end({ n: 2 });
  const got: unknown[] = [];
  for await (const one of objects.readable({ objectMode: true })) got.push(one);
  expect(got).toEqual([{ n: 1 }, { n: 2 }]);
});

test('has the types of its messages', () => {
  const name = freshName();
  using queue = Queue.open<{ id: number }>(name);
  expectTypeOf(queue).toEqualTypeOf<Queue<{ id: number }>>();
  expectTypeOf(queue.get).returns.resolves.toEqualTypeOf<{ id: number } | undefined>();
  expectTypeOf(queue.getSync).returns.toEqualTypeOf<{ id: number } | undefined>();
  expectTypeOf(queue.tryGetMany).returns.toEqualTypeOf<{ id: number }[]>();
  expectTypeOf(queue.putMany).parameter(0).toEqualTypeOf<readonly { id: number }[]>();
  expectTypeOf(queue.tryTake).returns.toEqualTypeOf<Job<{ id: number }> | undefined>();
  expectTypeOf(queue[Symbol.asyncIterator]().next).returns.resolves.toEqualTypeOf<
    IteratorResult<{ id: number }, void>
  >();
  using unknowns = Queue.attach(name);
  expectTypeOf(unknowns).toEqualTypeOf<Queue<unknown>>();
  // @ts-expect-error: another type of message
  expect(() => queue.tryPut('x')).not.toThrow();
  // @ts-expect-error: no such option
  expect(() => Queue.open(name, { maxsize: 3 })).toThrow(coded('ERR_INVALID_ARG_VALUE') as Error);
});
