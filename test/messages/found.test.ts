// Faults that reading and trying out have found in queues, pipes and streams, each as it was found.

import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { type ClosedError, Pipe, Queue, SpscQueue, unlink } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

/** A queue whose free blocks do not lie side by side, with its jobs that are out. */
function scattered(): { queue: Queue<Uint8Array>; jobs: { message: Uint8Array; done(): void }[] } {
  const queue = Queue.create<Uint8Array>(freshName(), { capacity: 1024 });
  for (let n = 0; n < 16; n++) queue.putSync(Buffer.alloc(64, n));
  const jobs = Array.from({ length: 16 }, () => queue.takeSync()!);
  for (const n of [14, 2, 12, 4, 10, 6, 8, 0]) jobs[n]!.done();
  return { queue, jobs: jobs.filter((_, n) => n % 2 === 1) };
}

test('bytes of a subclass run none of its code, and overwrite nothing', () => {
  class Packet extends Uint8Array {
    constructor(size: number) {
      super(size);
    }
  }
  const { queue, jobs } = scattered();
  using _ = queue;
  expect(queue.tryPut(new Packet(128).fill(65))).toBe(true);
  expect(queue.tryPutMany([new Packet(100).fill(66)])).toBe(1);
  expect([...new Set(queue.getSync()!)]).toEqual([65]);
  expect(queue.getSync()).toEqual(new Uint8Array(100).fill(66));
  for (const { message } of jobs) expect(new Set(message).size).toBe(1);
});

test('a script that a vm timeout breaks off leaves no lock of a queue behind', () => {
  using queue = Queue.create<Uint8Array>(freshName()); // bytes: the default codec does not bear being broken off
  const one = new Uint8Array(1);
  for (let n = 0; n < 20; n++) {
    try {
      runInNewContext('for (;;) { queue.tryPut(one); queue.tryGet(); }', { queue, one }, { timeout: 3 });
    } catch (error) {
      expect((error as { code?: string }).code).toBe('ERR_SCRIPT_EXECUTION_TIMEOUT');
    }
    queue.putSync(one, { timeout: 20_000 });
    while (queue.tryGet() !== undefined);
    expect(queue.isEmpty).toBe(true);
  }
});

test('one signal for two putMany: each is told what became of its own messages', async () => {
  using queue = Queue.create<number>(freshName(), { maxItems: 3 });
  const abort = new AbortController();
  const calls = [
    [1, 2, 3, 4],
    [5, 6],
  ].map((messages) => queue.putMany(messages, { signal: abort.signal }));
  await sleep(5);
  const reason = Object.freeze(new Error('enough'));
  abort.abort(reason);
  const [first, second] = await Promise.all(calls.map((call) => call.catch((error) => error)));
  expect(first).toMatchObject({ name: 'AbortError', accepted: 3, cause: reason });
  expect(second).toBe(reason);
});

test('timeout 0 tries, also behind a promise that waits', async () => {
  using queue = Queue.create<number>(freshName(), { maxItems: 1 });
  queue.putSync(1);
  const waiting = queue.put(2);
  const join = queue.join();
  using other = Queue.attach<number>(queue.name);
  expect(other.tryGetMany()).toEqual([1]);
  await expect(queue.put(3, { timeout: 0 })).rejects.toThrow('no room'); // the one in front has it
  await waiting;
  expect(other.tryGetMany()).toEqual([2]);
  await queue.join({ timeout: 0 });
  await join;
});

test('a codec may use the handle that it decodes for: nothing is lost', async () => {
  const got: unknown[] = [];
  const name = freshName();
  const codec = {
    name: 'greedy',
    encode: (message: unknown) => Buffer.from(JSON.stringify(message)),
    decode: (bytes: Uint8Array): unknown => {
      const more = queue.tryGet();
      if (more !== undefined) got.push(more);
      return JSON.parse(Buffer.from(bytes).toString());
    },
  };
  using queue = Queue.create<unknown>(name, { codec });
  const waiting = queue.get();
  using other = Queue.attach<unknown>(name, { codec });
  other.putManySync([[1], [2], [3]]);
  got.push(await waiting);
  for (let more = queue.tryGet(); more !== undefined; more = queue.tryGet()) got.push(more);
  expect(got.flat().sort()).toEqual([1, 2, 3]);
});

test('a codec that closes the queue: the job comes back', () => {
  const name = freshName();
  const closes = { encode: (message: unknown) => message as Uint8Array, name: 'closes' };
  using other = Queue.create<unknown>(name, { codec: { ...closes, decode: () => 'sound' } });
  const queue = Queue.attach<unknown>(name, {
    codec: {
      ...closes,
      decode: () => {
        queue.close();
        return 1;
      },
    },
  });
  other.putSync(Object.assign(new (class extends Uint8Array {})(1)));
  using plain = Queue.attach<unknown>(name, { codec: { ...closes, decode: () => 'sound' } });
  // Bytes need no codec; something else does.
  expect(plain.getSync()).toBeInstanceOf(Uint8Array);
  const custom = { encode: () => new Uint8Array(1) };
  using putter = Queue.attach<unknown>(name, { codec: { ...closes, ...custom, decode: () => 0 } });
  putter.putSync({});
  expect(() => queue.takeSync()).toThrow(
    expect.objectContaining({ code: 'ERR_ISTHMUS_CLOSED' }) as ClosedError,
  );
  expect(other.takeSync()).toMatchObject({ message: 'sound', attempt: 2 });
});

test('dead letters go to the queue that has the name, not to one that had it', () => {
  const deadLetter = freshName();
  using queue = Queue.create<number>(freshName(), { maxAttempts: 1, deadLetter });
  for (const message of [1, 2]) {
    queue.putSync(message);
    queue.takeSync()!.retry();
    expect(queue.tryTake()).toBe(undefined);
    using dead = Queue.attach<number>(deadLetter);
    expect(dead.getSync()).toBe(message);
    unlink(deadLetter);
  }
});

test('a pipe that is closed under its port: the port hangs up, nothing faults', async () => {
  const name = freshName();
  using other = Pipe.open(name);
  const pipe = Pipe.open(name);
  const port = pipe.port();
  other.sendSync(1);
  const closed = new Promise((resolve) => port.once('close', resolve));
  port.on('message', () => pipe.close());
  await closed;
  const again = Pipe.open(freshName());
  const late = again.port();
  again.close();
  late.on('message', () => undefined);
  await sleep(20);
});

test.each(['spsc', 'pipe'])(
  'a slow reader of a stream (%s) gets all that a killed producer had put',
  async (kind) => {
    const name = freshName();
    const peer = start(
      ({ SpscQueue, Pipe }, { args, say }) => {
        if (args[1] === 'spsc') {
          const producer = SpscQueue.producer(args[0]!);
          for (let n = 0; n < 10; n++) producer.putSync({ n });
        } else {
          const pipe = Pipe.open(args[0]!);
          for (let n = 0; n < 10; n++) pipe.sendSync({ n });
        }
        say();
        setInterval(() => undefined, 1000);
      },
      name,
      kind,
    );
    await peer.said();
    using source = kind === 'spsc' ? SpscQueue.consumer(name) : Pipe.open(name);
    const got: unknown[] = [];
    await expect(
      (async () => {
        for await (const message of source.readable({ objectMode: true })) {
          if (got.push(message) === 1) peer.kill();
          await sleep(5);
        }
      })(),
    ).rejects.toMatchObject({ code: 'ERR_ISTHMUS_PEER_DIED' });
    expect(got).toHaveLength(10);
    await peer.exited;
  },
);

test('a stream of messages takes no more than it wants', async () => {
  using queue = Queue.create<number>(freshName());
  queue.putManySync(Array.from({ length: 20 }, (_, n) => n));
  for await (const message of queue.readable({ objectMode: true, highWaterMark: 1 })) {
    expect(message).toBe(0);
    break;
  }
  expect(queue.size).toBeGreaterThanOrEqual(17);
});

test('a port delivers what the other end had posted, though a post of its own finds it closed', async () => {
  const name = freshName();
  const other = Pipe.open(name).port();
  const port = Pipe.open(name).port();
  for (let n = 0; n < 100; n++) other.postMessage(n);
  other.close();
  const got: unknown[] = [];
  const closed = new Promise((resolve) => port.once('close', resolve));
  port.on('message', (value) => {
    got.push(value);
    port.postMessage('nobody is there');
  });
  await closed;
  expect(got).toHaveLength(100);
});
