// What a kill -9 leaves of a queue, and what damaged contents can do.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { CorruptError, SpscQueue } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';

describe.each(FORMS)('%s form', (form) => {
  test('what put accepted is received though the producer was killed the next instant', async () => {
    const name = freshName();
    using consumer = SpscQueue.consumer<number[]>(name);
    for (let round = 0; round < 5; round++) {
      const peer = start(
        async ({ SpscQueue }, { args }) => {
          const [name, round, form] = args as unknown as [string, number, string];
          const producer = SpscQueue.producer<number[]>(name);
          if (form === 'Sync')
            producer.putManySync([
              [round, 1],
              [round, 2],
            ]);
          else
            await producer.putMany([
              [round, 1],
              [round, 2],
            ]);
          if (form === 'Sync') producer.putSync([round, 3]);
          else await producer.put([round, 3]);
          process.kill(process.pid, 'SIGKILL');
        },
        name,
        round,
        form,
      );
      expect((await peer.exited).signal).toBe('SIGKILL');
      expect(consumer.drain()).toEqual([1, 2, 3].map((n) => [round, n]));
    }
  });

  test('what get handed out is consumed, what peek showed is not', async () => {
    const name = freshName();
    using producer = SpscQueue.producer<Uint8Array>(name);
    for (let n = 0; n < 12; n++) producer.putSync(new Uint8Array([n]));
    const seen: number[] = [];
    for (let round = 0; round < 3; round++) {
      const peer = start(
        async ({ SpscQueue }, { args, say }) => {
          const [name, form] = args as unknown as [string, string];
          const consumer = SpscQueue.consumer<Uint8Array>(name);
          const one = form === 'Sync' ? consumer.getSync() : await consumer.get();
          const two = form === 'Sync' ? consumer.getManySync(2) : await consumer.getMany(2);
          say([one![0], two[0]![0], two[1]![0], consumer.peek()![0]]);
          process.kill(process.pid, 'SIGKILL');
        },
        name,
        form,
      );
      seen.push(...(await peer.said<number[]>()));
      await peer.exited;
    }
    expect(seen).toEqual([0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9]);
  });
});

describe('damaged contents are a CorruptError, never a crash or an endless loop', () => {
  /** Overwrites a control word (index of 32-bit words) or, with `payload`, a word of the ring. */
  function spoil(name: string, area: 'words' | 'payload', index: number, value: number): void {
    const fd = openSync(`/dev/shm/${name}`, 'r+');
    const offset = Buffer.alloc(8);
    if (area === 'words') readSync(fd, offset, 0, 4, 48);
    else readSync(fd, offset, 0, 8, 32);
    const word = Buffer.alloc(4);
    word.writeUInt32LE(value >>> 0);
    writeSync(fd, word, 0, 4, Number(offset.readBigUInt64LE()) + 4 * index);
    closeSync(fd);
  }
  const WILD = [8, 64, 72, 0x7ffffff8, 0x80000000, 0xfffffff8, 0xffffff00, 4096];

  test.each(WILD)('the tail at %d', async (value) => {
    const name = freshName();
    using queue = SpscQueue.create(name, { capacity: 64, startPosition: 1024 });
    using consumer = queue.consumer();
    spoil(name, 'words', 0, value);
    expect(() => consumer.tryGet()).toThrow(CorruptError);
    expect(() => consumer.getSync({ timeout: 1000 })).toThrow(CorruptError);
    await expect(consumer.get({ timeout: 1000 })).rejects.toThrow(CorruptError);
    expect(() => consumer.tryGetMany()).toThrow(CorruptError);
    expect(() => consumer.peek()).toThrow(CorruptError);
  });

  test.each(WILD)('the head at %d', async (value) => {
    const name = freshName();
    using queue = SpscQueue.create(name, { capacity: 64, startPosition: 1024 });
    using producer = queue.producer();
    producer.putSync(new Uint8Array(56)); // full: the next one looks at the head
    spoil(name, 'words', 32, value);
    expect(() => producer.tryPut('x')).toThrow(CorruptError);
    expect(() => producer.putSync('x', { timeout: 1000 })).toThrow(CorruptError);
    await expect(producer.put('x', { timeout: 1000 })).rejects.toThrow(CorruptError);
    expect(() => producer.reserve(1)).toThrow(CorruptError);
  });

  test.each([57, 0x7fffffff, 0x80000000, 0xffffffff])('a frame of %d bytes', (length) => {
    const name = freshName();
    using queue = SpscQueue.create(name, { capacity: 128 });
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putSync(new Uint8Array(56));
    spoil(name, 'payload', 0, length);
    expect(() => consumer.tryGet()).toThrow(CorruptError);
    expect(() => consumer.drain()).toThrow(CorruptError);
    expect(() => consumer.peek()).toThrow(CorruptError);
  });

  test.each([5, 255, 0xffffffff])('a frame of type %d is dropped', (type) => {
    const name = freshName();
    using queue = SpscQueue.create<string>(name);
    using producer = queue.producer();
    using consumer = queue.consumer();
    producer.putManySync(['spoilt', 'good']);
    spoil(name, 'payload', 1, type);
    expect(() => consumer.tryGet()).toThrow(CorruptError);
    expect(consumer.tryGet()).toBe('good');
  });
});
