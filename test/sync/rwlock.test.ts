// What an RwLock is beside the waiting that all have in common (waiting.test.ts): readers together, writers alone, nobody
// starved, no upgrade. Deaths: rwlock-deaths.test.ts.

import { DeadlockError, NotOwnerError, RwLock, SharedArray, TimeoutError, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start } from '../processes/start.js';
import { contents, until } from './kinds.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Takes a side, says so, keeps it until told, releases it and says so. */
function holder(name: string, side: 'read' | 'write', form: string): Peer {
  return start(
    async ({ RwLock }, { args, say, heard }) => {
      const [name, side, form] = args as unknown as [string, 'read' | 'write', string];
      const one = RwLock.attach(name)[side];
      say('waiting');
      const guard = form === 'Sync' ? one.acquireSync() : await one.acquire();
      say('in');
      await heard();
      guard.release();
      say('out');
    },
    name,
    side,
    form,
  );
}

test.each(FORMS)(
  'many read at once, in several processes; a %s writer waits until the last has left',
  async (form) => {
    const name = freshName();
    using lock = RwLock.create(name);
    const readers = [...FORMS, ...FORMS].map((one) => holder(name, 'read', one));
    for (const one of readers) for (const word of ['waiting', 'in']) expect(await one.said()).toBe(word);
    const mine = lock.read.tryAcquire()!;
    expect([mine.abandoned, lock.read.locked, lock.write.locked]).toEqual([false, true, false]);
    expect(contents(name)['readers']).toHaveLength(5);
    const writer = holder(name, 'write', form);
    expect(await writer.said()).toBe('waiting');
    await until(() => lock.write.owner?.pid === writer.pid); // it is next
    mine.release();
    for (const one of readers) {
      expect(lock.write.tryAcquire()).toBe(undefined);
      one.tell();
      expect(await one.said()).toBe('out');
    }
    expect(await writer.said()).toBe('in');
    expect([lock.read.locked, lock.read.owner, lock.write.owner]).toEqual([
      false,
      undefined,
      { pid: writer.pid, thread: 0 },
    ]);
    expect([lock.read.tryAcquire(), lock.write.tryAcquire()]).toEqual([undefined, undefined]);
    expect(() => lock.read.acquireSync({ timeout: 10 })).toThrow(/not free for reading/);
    await expect(lock.write.acquire({ timeout: 10 })).rejects.toThrow(/not free for writing/);
    writer.tell();
    expect(await writer.said()).toBe('out');
    for (const side of [lock.read, lock.write]) side.acquireSync({ timeout: 30_000 }).release();
  },
);

test.each(FORMS)('new %s readers wait behind a writer that waits', async (form) => {
  const name = freshName();
  using lock = RwLock.create(name);
  const first = lock.read.acquireSync();
  const writer = holder(name, 'write', form);
  expect(await writer.said()).toBe('waiting');
  await until(() => lock.write.locked);
  const late = holder(name, 'read', form);
  expect(await late.said()).toBe('waiting');
  const words: string[] = [];
  late.said().then((word) => words.push(`late ${word}`));
  await sleep(100);
  expect(words).toEqual([]);
  first.release();
  expect(await writer.said()).toBe('in');
  await sleep(50);
  expect(words).toEqual([]);
  writer.tell();
  expect(await writer.said()).toBe('out');
  await until(() => words.length === 1);
  expect(words).toEqual(['late in']);
});

test.each(FORMS)('a %s writer that gives up lets the readers in again', async (form) => {
  const name = freshName();
  using lock = RwLock.create(name);
  const first = lock.read.acquireSync();
  const peer = start(
    async ({ RwLock }, { args, say, heard }) => {
      const { write } = RwLock.attach(args[0]!);
      for (const timeout of [0, 30]) {
        await (async () =>
          args[1] === 'Sync' ? write.acquireSync({ timeout }) : write.acquire({ timeout }))().catch(
          (error: { code: string }) => say(error.code),
        );
      }
      say(write.tryAcquire() === undefined);
      if (args[1] === 'promise') {
        const abort = new AbortController();
        const waiting = write.acquire({ signal: abort.signal });
        abort.abort(new Error('enough'));
        await waiting.catch((error: Error) => say(error.message));
      }
      await heard();
    },
    name,
    form,
  );
  for (const _ of [0, 30]) expect(await peer.said()).toBe('ERR_ISTHMUS_TIMEOUT');
  expect(await peer.said()).toBe(true);
  if (form === 'promise') expect(await peer.said()).toBe('enough');
  const reader = holder(name, 'read', form);
  for (const word of ['waiting', 'in']) expect(await reader.said()).toBe(word);
  first.release();
});

test('4 processes that write and read: writers are alone, readers see nothing half done, nobody starves', async () => {
  const names = [freshName(), freshName()];
  using lock = RwLock.create(names[0]!);
  using array = SharedArray.create(names[1]!, 'i32', 64);
  const peers = [...FORMS, ...FORMS].map((form, n) =>
    start(
      async ({ RwLock, SharedArray }, { args, say }) => {
        const [lockName, arrayName, form, n] = args as unknown as [string, string, string, number];
        const { read, write } = RwLock.attach(lockName);
        const { view } = SharedArray.attach<'i32'>(arrayName);
        let torn = 0;
        const change = (): void => {
          const next = view[0]! + 1;
          for (let at = 0; at < view.length; at++) view[at] = next; // plain memory
        };
        const look = (): void => {
          const [first] = view;
          if (view.some((one) => one !== first)) torn++;
        };
        for (let round = 0; round < 1_000; round++) {
          const [side, work] = round % 4 === n ? [write, change] : [read, look];
          if (form === 'Sync') side.withLockSync(work);
          else await side.withLock(work);
        }
        say(torn);
      },
      ...names,
      form,
      n,
    ),
  );
  for (const peer of peers) expect(await peer.said()).toBe(0);
  for (const peer of peers) await peer.done();
  expect([...new Set(array.view)]).toEqual([1_000]);
  expect(lock.write.tryAcquire()!.abandoned).toBe(false);
});

describe('nobody starves', () => {
  test.each(FORMS)('a %s writer beside three readers of which one always reads', async (form) => {
    const names = [freshName(), freshName()];
    using lock = RwLock.create(names[0]!);
    using stop = Value.create(names[1]!, 'bool');
    const readers = [...FORMS, 'Sync'].map((one) =>
      start(
        async ({ RwLock, Value }, { args, say, sleep }) => {
          const [lockName, stopName, form] = args as unknown as [string, string, string];
          const { read } = RwLock.attach(lockName);
          const stop = Value.attach<'bool'>(stopName);
          say();
          while (!stop.value) {
            if (form === 'promise') await read.withLock(() => sleep(5));
            else {
              read.withLockSync(() => {
                for (const until = performance.now() + 5; performance.now() < until; );
              });
            }
          }
        },
        ...names,
        one,
      ),
    );
    for (const one of readers) await one.said();
    for (let n = 0; n < 20; n++) {
      const guard =
        form === 'Sync'
          ? lock.write.acquireSync({ timeout: 40_000 })
          : await lock.write.acquire({ timeout: 40_000 });
      guard.release();
    }
    stop.value = true;
    for (const one of readers) await one.done();
  });

  test.each(FORMS)('a %s reader beside two writers that hardly ever let go', async (form) => {
    const names = [freshName(), freshName()];
    using lock = RwLock.create(names[0]!);
    using turns = Value.create(names[1]!, 'i32');
    const writers = FORMS.map((one) =>
      start(
        async ({ RwLock, Value }, { args, say }) => {
          const [lockName, turnsName, form] = args as unknown as [string, string, string];
          const { write } = RwLock.attach(lockName);
          const turns = Value.attach<'i32'>(turnsName);
          const work = (): void => {
            turns.add(1);
            for (const until = performance.now() + 2; performance.now() < until; );
          };
          say();
          for (;;) {
            if (form === 'Sync') write.withLockSync(work);
            else await write.withLock(work);
          }
        },
        ...names,
        one,
      ),
    );
    for (const one of writers) await one.said();
    await until(() => turns.value > 5);
    const theirs: number[] = []; // turns between two of ours
    for (let n = 0; n < 20; n++) {
      const before = turns.value;
      const guard =
        form === 'Sync'
          ? lock.read.acquireSync({ timeout: 40_000 })
          : await lock.read.acquire({ timeout: 40_000 });
      theirs.push(turns.value - before);
      guard.release();
    }
    // By luck alone it would be many more. The median: see the test of a Lock's fairness.
    expect(theirs.sort((a, b) => a - b)[10]).toBeLessThan(100);
  });
});

describe('one environment', () => {
  test('reads again in a Sync form, also while another process waits to write', async () => {
    const name = freshName();
    using lock = RwLock.create(name);
    using other = RwLock.attach(name);
    const outer = lock.read.acquireSync();
    const writer = holder(name, 'write', 'Sync');
    await writer.said();
    await until(() => lock.write.locked);
    lock.read.withLockSync(() => other.read.acquireSync({ timeout: 0 }).release());
    await expect(lock.read.acquire({ timeout: 20 })).rejects.toThrow(TimeoutError); // a promise form waits its turn
    outer.release();
    expect(await writer.said()).toBe('in');
  });

  test('a Sync reader does not wait for a promise of its own that waits to write', async () => {
    const name = freshName();
    using lock = RwLock.create(name);
    const reader = holder(name, 'read', 'Sync');
    for (const word of ['waiting', 'in']) expect(await reader.said()).toBe(word);
    const writing = lock.write.acquire();
    await sleep(20);
    lock.read.acquireSync({ timeout: 40_000 }).release();
    reader.tell();
    const guard = await writing;
    expect(lock.read.tryAcquire()).toBe(undefined);
    guard.release();
  });

  test('an upgrade is refused: Sync forms, and within withLock, are DeadlockErrors that say what to do', async () => {
    const name = freshName();
    using lock = RwLock.create(name);
    using other = RwLock.attach(name);
    const guard = lock.read.acquireSync();
    for (const { write } of [lock, other]) {
      expect(() => write.acquireSync()).toThrow(DeadlockError);
      expect(() => write.withLockSync(() => 1, { timeout: 5 })).toThrow(/cannot be turned into a write lock/);
      expect(write.tryAcquire()).toBe(undefined);
      await expect(write.acquire({ timeout: 20 })).rejects.toThrow(TimeoutError); // another flow may release it
    }
    guard.release();
    await lock.read.withLock(async () => {
      await sleep(1);
      for (const { write } of [lock, other]) {
        await expect(write.acquire()).rejects.toThrow(DeadlockError);
        await expect(write.withLock(() => 1)).rejects.toThrow(/leave that first/);
        expect(() => write.acquireSync()).toThrow(DeadlockError);
      }
    });
    lock.read.withLockSync(() => expect(() => other.write.withLockSync(() => 1)).toThrow(DeadlockError));
    expect(lock.write.withLockSync(() => lock.write.locked)).toBe(true);
  });

  test('a Sync upgrade that was refused leaves nothing behind: others read and write', async () => {
    const name = freshName();
    using lock = RwLock.create(name);
    const guard = lock.read.acquireSync();
    expect(() => lock.write.acquireSync()).toThrow(DeadlockError);
    const reader = holder(name, 'read', 'Sync');
    for (const word of ['waiting', 'in']) expect(await reader.said()).toBe(word); // beside us
    reader.tell();
    guard.release();
    const writer = holder(name, 'write', 'promise');
    for (const word of ['waiting', 'in']) expect(await writer.said()).toBe(word);
    writer.tell();
  });

  test('a writer that asks for either side again is refused, or waits as another flow', async () => {
    using lock = RwLock.create(freshName());
    const guard = lock.write.acquireSync();
    for (const side of [lock.read, lock.write]) {
      expect(() => side.acquireSync()).toThrow(DeadlockError);
      expect(side.tryAcquire()).toBe(undefined);
      await expect(side.acquire({ timeout: 10 })).rejects.toThrow(TimeoutError);
    }
    const waiting = lock.read.acquire();
    guard.release();
    (await waiting).release();
    await lock.write.withLock(async () => {
      await expect(lock.read.acquire()).rejects.toThrow(DeadlockError);
      expect(() => lock.read.withLockSync(() => 1)).toThrow(DeadlockError);
    });
    expect(lock.read.tryAcquire()!.abandoned).toBe(false);
  });

  test('readers and writers of one process exclude each other in their promise forms', async () => {
    const name = freshName();
    using lock = RwLock.create(name);
    using other = RwLock.attach(name);
    let readers = 0;
    let writers = 0;
    let together = 0;
    await Promise.all(
      Array.from({ length: 40 }, (_, n) => {
        const one = n % 3 === 0 ? lock : other;
        if (n % 4 === 0)
          return one.write.withLock(async () => {
            writers++;
            await sleep(n % 3);
            expect([readers, writers]).toEqual([0, 1]);
            writers--;
          });
        return one.read.withLock(async () => {
          readers++;
          together = Math.max(together, readers);
          await sleep(n % 3);
          expect(writers).toBe(0);
          readers--;
        });
      }),
    );
    expect(together).toBeGreaterThan(1);
  });

  test('guards: released once, and not after closing the handle', () => {
    const name = freshName();
    using lock = RwLock.create(name);
    const closing = RwLock.attach(name);
    const readers = [lock.read.acquireSync(), closing.read.acquireSync()];
    closing.close();
    expect(readers.map(({ held }) => held)).toEqual([true, false]);
    expect(() => readers[1]!.release()).toThrow(NotOwnerError);
    expect(lock.read.locked).toBe(true);
    readers[0]!.release();
    expect(() => readers[0]!.release()).toThrow(NotOwnerError);
    expect(lock.read.locked).toBe(false);
    using guard = lock.write.acquireSync();
    expect(guard.abandoned).toBe(false); // a reader changes nothing
  });
});
