// What becomes of an RwLock when a reader or a writer dies, wherever it stands.

import { inspect, RwLock } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';
import { asleep, contents, until, WAYS } from './kinds.js';

type Side = 'read' | 'write';

/** Takes a side, says whether it was abandoned, and keeps it until told. */
function holder(name: string, side: Side, form: string, disable = ''): Peer {
  return startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ RwLock }, { args, say, heard }) => {
      const [name, side, form] = args as unknown as [string, Side, string];
      const one = RwLock.attach(name)[side];
      const guard = form === 'Sync' ? one.acquireSync() : await one.acquire();
      say(guard.abandoned);
      await heard();
      guard.release();
      say('out');
    },
    name,
    side,
    form,
  );
}

async function leave(...peers: Peer[]): Promise<void> {
  for (const peer of peers) {
    peer.tell();
    expect(await peer.said()).toBe('out');
  }
}

const attached = (name: string, count: number): Promise<void> =>
  until(() => inspect(name).participants!.length === count);

describe.each(WAYS)('with %s', (_way, disable) => {
  test.each([
    ['Sync', 'promise'],
    ['promise', 'Sync'],
  ])('a %s writer is killed: a %s writer that waits gets the lock, and is told', async (form, next) => {
    const name = freshName();
    using lock = RwLock.create(name);
    const dead = holder(name, 'write', form, disable);
    expect(await dead.said()).toBe(false);
    const waiting = holder(name, 'write', next, disable);
    await attached(name, 3);
    await asleep(waiting);
    dead.kill();
    expect(await waiting.said()).toBe(true);
    expect(lock.write.owner).toEqual({ pid: waiting.pid, thread: 0 });
    await leave(waiting);
    expect(lock.write.tryAcquire()!.abandoned).toBe(false);
  });

  test.each([
    ['Sync', 'promise'],
    ['promise', 'Sync'],
  ])(
    'a %s reader is killed: a %s writer that waits for it gets the lock, and nothing is abandoned',
    async (form, next) => {
      const name = freshName();
      using lock = RwLock.create(name);
      const dead = holder(name, 'read', form, disable);
      expect(await dead.said()).toBe(false);
      const waiting = holder(name, 'write', next, disable);
      await until(() => contents(name)['holder'] !== undefined); // it is next
      await asleep(waiting);
      dead.kill();
      expect(await waiting.said()).toBe(false);
      expect(lock.read.locked).toBe(false);
      await leave(waiting);
    },
  );

  test('try forms see dead readers and dead writers, too', async () => {
    const name = freshName();
    using lock = RwLock.create(name);
    for (const side of ['read', 'write'] as const) {
      const dead = holder(name, side, 'Sync', disable);
      await dead.said();
      expect([lock.write.tryAcquire(), lock[side].locked]).toEqual([undefined, true]);
      dead.kill();
      await dead.exited;
      expect([lock.read.locked, lock.write.locked]).toEqual([false, false]);
      const guard = lock.write.tryAcquire()!;
      expect(guard.abandoned).toBe(side === 'write');
      guard.release();
    }
  });
});

test.each(FORMS)(
  'after a writer was killed, %s readers and writers are told until one has written',
  async (form) => {
    const name = freshName();
    using lock = RwLock.create(name);
    const dead = holder(name, 'write', form);
    await dead.said();
    const readers = [holder(name, 'read', form), holder(name, 'read', form)];
    await attached(name, 4);
    dead.kill();
    for (const one of readers) expect(await one.said()).toBe(true); // both at once
    expect(contents(name)).toMatchObject({ abandoned: true });
    await leave(...readers);
    expect(lock.read.withLockSync(({ abandoned }) => abandoned)).toBe(true); // reading mended nothing
    {
      const closing = RwLock.attach(name);
      expect(closing.write.acquireSync().abandoned).toBe(true);
      closing.close(); // it has not finished either
    }
    expect(await lock.read.withLock(({ abandoned }) => abandoned)).toBe(true);
    expect(lock.write.withLockSync(({ abandoned }) => abandoned)).toBe(true);
    for (const side of [lock.read, lock.write])
      expect(side.withLockSync(({ abandoned }) => abandoned)).toBe(false);
  },
);

test.each(FORMS)('a %s writer that is killed while it waits for readers is not missed', async (form) => {
  const name = freshName();
  using lock = RwLock.create(name);
  const mine = lock.read.acquireSync();
  const dead = holder(name, 'write', form);
  await until(() => lock.write.owner?.pid === dead.pid);
  const late = [holder(name, 'read', form), holder(name, 'write', form)];
  await attached(name, 4);
  await asleep(...late);
  dead.kill();
  await until(() => lock.write.owner?.pid === late[1]!.pid || contents(name)['readers'] !== undefined);
  mine.release();
  const turns = late.map(async (one) => {
    expect(await one.said()).toBe(false);
    await leave(one);
  });
  await Promise.all(turns);
});

test('a writer that waits, and its own kind behind it: the one in front is killed, the next goes on', async () => {
  const name = freshName();
  using lock = RwLock.create(name);
  const mine = lock.read.acquireSync();
  const first = holder(name, 'write', 'Sync');
  await until(() => lock.write.owner?.pid === first.pid);
  const second = holder(name, 'write', 'promise');
  await attached(name, 3);
  await asleep(second);
  first.kill();
  await until(() => lock.write.owner?.pid === second.pid);
  mine.release();
  expect(await second.said()).toBe(false);
  await leave(second);
});

describe.each(FORMS)('of five %s readers', (form) => {
  test.each([0, 1, 2, 3, 4])(
    'number %i is killed: the others read on, and a writer gets its turn',
    async (which) => {
      const name = freshName();
      using lock = RwLock.create(name);
      const peers = [0, 1, 2, 3, 4].map((n) => holder(name, 'read', n === which ? form : FORMS[n % 2]!));
      for (const peer of peers) expect(await peer.said()).toBe(false);
      const [dead] = peers.splice(which, 1);
      dead!.kill();
      await dead!.exited;
      expect([lock.write.tryAcquire(), lock.read.locked]).toEqual([undefined, true]);
      lock.read.acquireSync({ timeout: 30_000 }).release();
      await leave(...peers);
      const wait = { timeout: 30_000 };
      const guard = form === 'Sync' ? lock.write.acquireSync(wait) : await lock.write.acquire(wait);
      expect(guard.abandoned).toBe(false);
    },
  );
});

describe('the slot of the dead is taken by another', () => {
  test.each([
    ['write', 'write', true],
    ['write', 'read', true],
    ['read', 'write', false],
    ['read', 'read', false],
  ] as const)('of one that held %s, by one that asks for %s', async (held, asked, told) => {
    const name = freshName();
    using lock = RwLock.create(name, { participants: 2 });
    const dead = holder(name, held, 'Sync');
    await dead.said();
    dead.kill();
    await dead.exited;
    const other = holder(name, asked, 'Sync');
    expect(await other.said()).toBe(told);
    expect(lock[asked].owner).toEqual({ pid: other.pid, thread: 0 });
    await leave(other);
    expect(lock.write.acquireSync({ timeout: 30_000 }).abandoned).toBe(told && asked === 'read');
  });

  test.each(FORMS)('of a writer, while a %s writer and a reader sleep', async (form) => {
    const name = freshName();
    using lock = RwLock.create(name, { participants: 4 });
    const dead = holder(name, 'write', 'Sync', 'death_marks');
    await dead.said();
    const sleeping = [holder(name, 'write', form, 'death_marks'), holder(name, 'read', form, 'death_marks')];
    await attached(name, 4);
    await asleep(...sleeping);
    dead.kill();
    await dead.exited;
    const other = start(({ RwLock }, { args, say }) => {
      say(RwLock.attach(args[0]!).write.owner === undefined);
    }, name);
    await other.said();
    const words = sleeping.map((one) => one.said().then((word) => ({ one, word })));
    const first = await Promise.race(words);
    expect(first.word).toBe(true);
    await leave(first.one);
    const second = (await Promise.all(words)).find(({ one }) => one !== first.one)!;
    await leave(second.one);
    lock.write.acquireSync({ timeout: 30_000 }).release();
  });
});

test.each([
  ['exits', 'process.exit(0)'],
  ['throws', 'setImmediate(() => { throw new Error("mine") })'],
])(
  'a process that %s while it writes gives the lock up as abandoned, while it reads as nothing',
  async (_how, code) => {
    const name = freshName();
    using lock = RwLock.create(name);
    for (const side of ['read', 'write'] as const) {
      const peer = start(
        ({ RwLock }, { args }) => {
          const [name, side, code] = args as unknown as [string, Side, string];
          (globalThis as { kept?: unknown }).kept = RwLock.attach(name)[side].acquireSync();
          new Function(code)();
        },
        name,
        side,
        code,
      );
      await peer.exited;
      const guard = lock.write.acquireSync({ timeout: 30_000 });
      expect(guard.abandoned).toBe(side === 'write');
      guard.release();
    }
  },
);
