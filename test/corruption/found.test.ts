// What overwriting memory has found, each as small as it can be.

import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Barrier,
  Condition,
  CorruptError,
  inspect,
  Lock,
  NotOwnerError,
  Queue,
  RwLock,
  SpscQueue,
  TimeoutError,
  unlink,
  Value,
} from 'isthmus';
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

function poke32(name: string, offset: number, value: number): void {
  const word = Buffer.alloc(4);
  word.writeInt32LE(value | 0);
  overwrite(name, offset, [...word]);
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
      say(lock.acquireSync({ timeout: 20_000 }).abandoned);
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

/** Indexes of control words: the first entry of the slot table of a Condition, and what holds 32-bit words there. */
const WAITERS = 64;
const ENTRY_WORDS = 32;
const owner = (slot: number, generation: number): number => (generation << 10) | slot;
const ASLEEP = 0x40000000;

/** A process that takes the lock of a condition, and when it is told to waits for so many ms. We are slot 0, it is slot 1. */
function conditionWaiter(name: string) {
  return start(async ({ Condition, inspect }, { args, say, heard }) => {
    const condition = Condition.attach(args[0]!);
    const guard = condition.lock.acquireSync();
    say();
    const timeout = (await heard()) as number;
    try {
      condition.waitSync(guard, { timeout });
    } catch (error) {
      say((error as { code: string }).code);
      say(inspect(args[0]!).contents);
      say(guard.held);
    }
  }, name);
}

test.each([
  ['another one that lives', owner(0, 1)],
  ['ourselves, and that somebody sleeps', owner(1, 1) | ASLEEP],
])('an entry that names %s does not get its own notifications passed on, for ever', async (_who, who) => {
  const name = freshName();
  using _condition = Condition.create(name, { participants: 4 });
  const waiter = conditionWaiter(name);
  await waiter.said();
  const entry = inspect(name).header!.wordsOffset + 4 * (WAITERS + ENTRY_WORDS);
  poke32(name, entry, who);
  poke32(name, entry + 4, 5 | (2 << 14)); // five wait there, two of them notified
  waiter.tell(5);
  expect(await waiter.said()).toBe('ERR_ISTHMUS_TIMEOUT');
});

test('a condition does not give up a lock that it could not have back', async () => {
  const name = freshName();
  using _condition = Condition.create(name, { participants: 4 });
  const waiter = conditionWaiter(name);
  await waiter.said();
  poke32(name, inspect(name).header!.wordsOffset, owner(0, 1));
  waiter.tell(5);
  expect(await waiter.said()).toBe('ERR_ISTHMUS_NOT_OWNER');
});

test('a condition whose lock names the one who waits to have it back waits no more, in no way', async () => {
  const name = freshName();
  using _condition = Condition.create(name, { participants: 4 });
  const waiter = conditionWaiter(name);
  await waiter.said();
  waiter.tell(3000); // long enough for us to see that it waits, whatever holds us up
  const { wordsOffset } = inspect(name).header!;
  await expect.poll(() => peek32(name, wordsOffset), { timeout: 30_000 }).toBe(0); // given up
  poke32(name, wordsOffset, owner(1, 1));
  expect(await waiter.said()).toBe('ERR_ISTHMUS_CORRUPT');
  expect(await waiter.said()).toMatchObject({ waiting: 0 });
  expect(await waiter.said()).toBe(false);
});

test("a schema with a lock's name that is none is the schema's fault, not an argument's", () => {
  const name = freshName();
  using lock = Lock.create(freshName('lock'));
  Condition.create(name, { lock }).close();
  const file = readFileSync(`/dev/shm/${name}`);
  overwrite(name, file.indexOf('it-lock'), [...Buffer.from('../lock')]);
  expect(() => Condition.attach(name)).toThrow(CorruptError);
});

test('a barrier of which only is known that somebody acts is as new after reset()', () => {
  const name = freshName();
  using barrier = Barrier.create(name, 1);
  poke32(name, inspect(name).header!.wordsOffset, 0x1000);
  expect(() => barrier.waitSync({ timeout: 5 })).toThrow(TimeoutError);
  barrier.reset();
  expect(barrier.waitSync({ timeout: 5 })).toBe(0);
});

test('who waits to read for a writer of the same process sleeps, whatever became of its word', async () => {
  const name = freshName();
  using lock = RwLock.create(name);
  const writer = lock.write.acquireSync();
  poke32(name, inspect(name).header!.wordsOffset, 0);
  const reading = lock.read.acquire();
  await sleep(50);
  const before = performance.eventLoopUtilization();
  await sleep(1000);
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  expect(() => writer.release()).toThrow(NotOwnerError);
  (await reading).release();
});

/** Indexes of a Queue's control words. */
const PUTS = 64;
const TAKEN = 96;

test.each([
  ['puts', PUTS, 2 ** 30],
  ['taken', TAKEN, 0xc0000000],
])(
  'a queue that says that millions of messages wait is damaged, and nobody copies them: %s',
  (_, word, value) => {
    const name = freshName();
    using queue = Queue.create(name, { capacity: 256 });
    queue.putSync('a');
    poke32(name, inspect(name).header!.wordsOffset + 4 * word, value);
    expect(() => queue.tryGetMany()).toThrow(CorruptError);
    expect(() => queue.tryTake()).toThrow(CorruptError);
    expect(() => queue.size).toThrow(CorruptError);
  },
);

test('a note of blocks to be freed that nobody wrote keeps nobody awake', async () => {
  const name = freshName();
  using queue = Queue.create(name, { capacity: 64, codec: 'raw' });
  queue.putSync(Buffer.alloc(8));
  poke32(name, inspect(name).header!.wordsOffset + 4 * 129, 1);
  poke32(name, inspect(name).header!.wordsOffset + 4 * 130, 1);
  const putting = queue.put(Buffer.alloc(8));
  await sleep(50);
  const before = performance.eventLoopUtilization();
  await sleep(1000);
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.5);
  queue.tryGet();
  await putting;
});

test('a queue whose schema names a file elsewhere for its dead letters is damaged', () => {
  const name = freshName();
  Queue.create(name, { maxAttempts: 1, deadLetter: 'it-letters' }).close();
  const file = readFileSync(`/dev/shm/${name}`);
  overwrite(name, file.indexOf('it-letters'), [...Buffer.from('../letters')]);
  expect(() => Queue.attach(name)).toThrow(CorruptError);
});

test('a job whose dead letter queue is something else goes back, and stays with nobody', () => {
  const name = freshName();
  const deadLetter = freshName('letters');
  using _value = Value.create(deadLetter, 'i32');
  using queue = Queue.create(name, { maxAttempts: 1, deadLetter });
  queue.putSync('a');
  queue.takeSync()?.retry();
  expect(() => queue.tryGet()).toThrow(deadLetter);
  unlink(deadLetter);
  expect(queue.tryGet()).toBeUndefined();
  using letters = Queue.attach(deadLetter);
  expect(letters.tryGet()).toBe('a');
});
