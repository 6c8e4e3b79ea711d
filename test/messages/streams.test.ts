import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpscQueue } from 'isthmus';
import { expect, test } from 'vitest';
import { freshName, start } from '../processes/start.js';

test('pipeline carries bytes exactly between processes, with back-pressure', async () => {
  const name = freshName();
  const peer = start(async ({ SpscQueue }, { args, say, require }) => {
    const { createHash } = require('node:crypto') as typeof import('node:crypto');
    const { Writable } = require('node:stream') as typeof import('node:stream');
    const { pipeline } = require('node:stream/promises') as typeof import('node:stream/promises');
    const consumer = SpscQueue.consumer(args[0]!, { capacity: '64KB' });
    const hash = createHash('sha256');
    let chunks = 0;
    const slow = new Writable({
      write(chunk, _encoding, done) {
        hash.update(chunk);
        if (++chunks % 50 === 0) setTimeout(done, 5);
        else done();
      },
    });
    await pipeline(consumer.readable(), slow);
    say(hash.digest('hex'));
  }, name);
  const data = randomBytes(5_000_000);
  const chunks = function* () {
    for (let at = 0; at < data.length; at += 150_000) yield data.subarray(at, at + 150_000); // larger than the queue
  };
  using producer = SpscQueue.producer(name, { capacity: '64KB' });
  await pipeline(Readable.from(chunks(), { objectMode: false }), producer.writable());
  expect(await peer.said()).toBe(createHash('sha256').update(data).digest('hex'));
  await peer.done();
});

test('a writable does not accept more than the queue has room for', async () => {
  using queue = SpscQueue.create<string>(freshName(), { capacity: 64 });
  using producer = queue.producer();
  using consumer = queue.consumer();
  const stream = producer.writable({ objectMode: true, highWaterMark: 2 });
  for (const message of ['1', '2', '3', '4', '5', '6', '7', '8']) stream.write(message);
  await sleep(50);
  expect(stream.writableNeedDrain).toBe(true);
  expect(queue.used).toBe(64);
  const got = [];
  stream.end();
  for await (const message of consumer) got.push(message);
  expect(got).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
});

test('object mode carries any message; bytes mode refuses objects; null cannot travel', async () => {
  const name = freshName();
  using queue = SpscQueue.create<unknown>(name);
  using producer = queue.producer();
  using consumer = queue.consumer();
  producer.putManySync([{ a: 1 }, 'text', new Uint8Array([1])]);
  const objects = consumer.readable({ objectMode: true });
  const got: unknown[] = [];
  for await (const message of objects) {
    got.push(message);
    if (got.length === 3) break;
  }
  expect(got).toEqual([{ a: 1 }, 'text', new Uint8Array([1])]);
  producer.putSync({ b: 2 });
  await expect(consumer.readable().toArray()).rejects.toThrow(TypeError);
  producer.putSync(null);
  await expect(consumer.readable({ objectMode: true }).toArray()).rejects.toThrow(/null/);
  expect(() => consumer.readable({ objectmode: true } as never)).toThrow(/did you mean 'objectMode'/);
});

test('destroying a stream ends its wait and leaves the handle usable', async () => {
  using queue = SpscQueue.create<string>(freshName(), { capacity: 64 });
  using producer = queue.producer();
  using consumer = queue.consumer();
  const readable = consumer.readable();
  readable.on('data', () => undefined);
  await sleep(20);
  readable.destroy();
  await new Promise((resolve) => readable.on('close', resolve));
  producer.putSync('hello');
  expect(await consumer.get()).toBe('hello');
  producer.putSync('x'.repeat(56));
  const writable = producer.writable();
  const failed = new Promise<Error>((resolve) => writable.on('error', resolve));
  writable.write('y');
  await sleep(20);
  writable.destroy(new Error('mine'));
  expect((await failed).message).toBe('mine');
  expect(producer.ended).toBe(false);
  expect(consumer.drain()).toEqual(['x'.repeat(56)]);
});
