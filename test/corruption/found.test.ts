// What overwriting memory has found, each as small as it can be.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { CorruptError, inspect, Lock, SpscQueue } from 'isthmus';
import { expect, test } from 'vitest';
import type { InnerCodec } from '../../dist/messages/codecs.js';
import type * as Framing from '../../dist/messages/framing.js';
import type { RingReader } from '../../dist/messages/ring-reader.js';
import { noPrivateShm, privateShm } from '../processes/private-shm.js';
import { freshName, nodeRequire, start, startWith } from '../processes/start.js';

function peek32(name: string, offset: number): number {
  const fd = openSync(`/dev/shm/${name}`, 'r');
  const bytes = Buffer.alloc(4);
  readSync(fd, bytes, 0, 4, offset);
  closeSync(fd);
  return bytes.readInt32LE();
}

function overwrite(name: string, offset: number, bytes: readonly number[]): void {
  const fd = openSync(`/dev/shm/${name}`, 'r+');
  writeSync(fd, Uint8Array.from(bytes), 0, bytes.length, offset);
  closeSync(fd);
}

test('a lock word that names the one who sleeps for it ends its wait, not its sleep', async () => {
  const name = freshName();
  using lock = Lock.create(name, { participants: 4 });
  lock.acquireSync();
  const waiter = start(({ Lock }, { args, say }) => {
    const lock = Lock.attach(args[0]!);
    say();
    try {
      lock.acquireSync();
    } catch (error) {
      say((error as { code: string }).code);
    }
  }, name);
  await waiter.said();
  const { header, participants } = inspect(name);
  const { slot } = participants!.find(({ pid }) => pid === waiter.pid)!;
  const generation = peek32(name, header!.rosterOffset + 64 * slot);
  const word = Buffer.alloc(4);
  // Until it has begun to wait, the lock is ours; then it looks again within a second.
  await expect.poll(() => peek32(name, header!.wordsOffset) & 0x40000000, { timeout: 30_000 }).not.toBe(0);
  word.writeInt32LE((generation << 10) | slot);
  overwrite(name, header!.wordsOffset, [...word]);
  expect(await waiter.said()).toBe('ERR_ISTHMUS_CORRUPT');
});

test.skipIf(noPrivateShm)(
  'a slot that wrongly claims a death mark is no SIGBUS in a full /dev/shm',
  async () => {
    const peer = startWith({ through: privateShm('1m') }, ({ inspect, Lock }, { say, require }) => {
      const { openSync, writeSync } = require('node:fs') as typeof import('node:fs');
      const lock = Lock.create('lock', { participants: 4 });
      const { header } = inspect('lock');
      const object = openSync('/dev/shm/lock', 'r+');
      const filler = openSync('/dev/shm/filler', 'w');
      try {
        for (;;) writeSync(filler, Buffer.alloc(4096));
      } catch (error) {
        say((error as { code: string }).code);
      }
      const other = { slot: 1, generation: 7 };
      // Generation, state, pid, thread, time (2), mark.
      writeSync(object, Int32Array.of(7, 1, 99, 0, 0, 0, 1), 0, 28, header!.rosterOffset + 64 * other.slot);
      writeSync(object, Int32Array.of((other.generation << 10) | other.slot), 0, 4, header!.wordsOffset);
      say(lock.owner);
      say(lock.acquireSync({ timeout: 1000 }).abandoned);
    });
    expect(await peer.said()).toBe('ENOSPC');
    expect(await peer.said()).toBe(undefined); // nobody holds that slot's byte
    expect(await peer.said()).toBe(true);
    await peer.done();
  },
);

test.each([
  ['v8', [0xff, 0x0f, 0x5f]],
  ['msgpack', [0xd4, 0, 0]],
] as const)('bytes that decode to undefined are no end of the queue: %s', (codec, bytes) => {
  const name = freshName();
  using producer = SpscQueue.producer(name, { codec, capacity: 4096 });
  using consumer = SpscQueue.consumer(name);
  producer.putSync(true);
  producer.putSync('after it');
  const { payloadOffset } = inspect(name).header!;
  overwrite(name, payloadOffset + 8, bytes);
  overwrite(name, payloadOffset, [bytes.length]); // 8 bytes with what pads it, as before
  expect(() => consumer.getSync()).toThrow(CorruptError);
  expect(consumer.getSync()).toBe('after it');
});

test('the largest ring can be read', () => {
  const { FrameReader } = nodeRequire('../../dist/messages/framing.js') as typeof Framing;
  const bytes = Buffer.from(new ArrayBuffer(2 ** 31)); // 1 GB, mapped twice; nothing touches it
  const ring = { bytes, offset: 8, length: 3, type: 0 } as RingReader;
  expect(new FrameReader('/x', ring, {} as InnerCodec).read()).toEqual(new Uint8Array(3));
});
