// What an RLock is beside the waiting that all have in common (waiting.test.ts): who may take it again, and who not.

import { Condition, DeadlockError, NotOwnerError, RLock, SharedArray, TimeoutError } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';
import { WAYS } from './kinds.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

class Signal {
  give: () => void = () => undefined;
  readonly given = new Promise<void>((resolve) => {
    this.give = resolve;
  });
}

describe('recursion', () => {
  test('Sync forms count guards, across handles; free when all are released, in any order', async () => {
    const name = freshName();
    using lock = RLock.create(name);
    using other = RLock.attach(name);
    expect([lock.depth, lock.locked, lock.owner]).toEqual([0, false, undefined]);
    const guards = [lock.acquireSync(), other.acquireSync({ timeout: 0 }), lock.tryAcquire()!];
    expect([lock.depth, other.depth, lock.owner]).toEqual([3, 3, { pid: process.pid, thread: 0 }]);
    const peer = start(async ({ RLock }, { args, say, heard }) => {
      const lock = RLock.attach(args[0]!);
      for (;;) {
        await heard();
        say([lock.tryAcquire() === undefined, lock.depth, lock.locked, lock.owner?.pid]);
      }
    }, name);
    for (const guard of [guards[0]!, guards[2]!, guards[1]!]) {
      peer.tell();
      expect(await peer.said()).toEqual([true, 0, true, process.pid]);
      guard.release();
      expect(() => guard.release()).toThrow(NotOwnerError);
    }
    expect([lock.depth, lock.locked]).toEqual([0, false]);
    peer.tell();
    expect(await peer.said()).toEqual([false, 1, true, peer.pid]);
  });

  test('withLockSync inside withLockSync, also when fn throws', () => {
    using lock = RLock.create(freshName());
    const depths: number[] = [];
    const down = (levels: number): number => {
      depths.push(lock.depth);
      if (levels === 0) throw new Error('mine');
      return lock.withLockSync(() => down(levels - 1));
    };
    expect(() => lock.withLockSync(() => down(5))).toThrow('mine');
    expect([depths, lock.depth, lock.locked]).toEqual([[1, 2, 3, 4, 5, 6], 0, false]);
    expect(() => lock.withLockSync(async () => 1)).toThrow(/use withLock or withPermit/);
    expect(() => lock.withLockSync(1 as never)).toThrow(TypeError);
    expect(lock.locked).toBe(false);
  });

  test('withLock across awaits: what runs inside takes it again in every form', async () => {
    const name = freshName();
    using lock = RLock.create(name);
    using other = RLock.attach(name);
    const add = (): Promise<number> =>
      other.withLock(async () => {
        await sleep(1);
        return lock.depth;
      });
    const result = await lock.withLock(async (outer) => {
      await sleep(5);
      expect(await add()).toBe(2);
      expect(lock.withLockSync(() => lock.depth)).toBe(2);
      const tried = lock.tryAcquire()!;
      const again = await other.acquire();
      using sync = lock.acquireSync();
      expect([outer, tried, again, sync].map(({ held }) => held)).toEqual([true, true, true, true]);
      tried.release();
      again.release();
      const first = await add();
      return [first, await add()];
    });
    expect(result).toEqual([3, 3]);
    expect([lock.depth, lock.locked]).toEqual([0, false]);
  });

  test('a guard taken inside may outlive withLock: the lock is free when it is released, too', async () => {
    using lock = RLock.create(freshName());
    const guard = await lock.withLock(() => lock.acquire());
    expect([guard.held, lock.depth]).toEqual([true, 1]);
    await expect(lock.acquire({ timeout: 20 })).rejects.toThrow(TimeoutError); // we are not inside any more
    guard.release();
    expect(lock.locked).toBe(false);
  });
});

describe('two flows of one environment', () => {
  test('never both own it, however they await', async () => {
    using lock = RLock.create(freshName());
    let inside = 0;
    let most = 0;
    const flow = async (): Promise<void> => {
      for (let n = 0; n < 20; n++) {
        await lock.withLock(async () => {
          most = Math.max(most, ++inside);
          await (n % 2 === 0 ? sleep(0) : Promise.resolve());
          await lock.withLock(() => sleep(0));
          inside--;
        });
      }
    };
    await Promise.all([flow(), flow(), flow()]);
    expect([most, lock.depth]).toEqual([1, 0]);
  });

  test('a flow started inside, that goes on after withLock has ended, is outside', async () => {
    using lock = RLock.create(freshName());
    let late: Promise<unknown> | undefined;
    await lock.withLock(() => {
      late = sleep(30).then(() => lock.acquire({ timeout: 30 }));
    });
    const guard = await lock.acquire();
    await expect(late).rejects.toThrow(TimeoutError);
    guard.release();
  });

  test('await acquire() outside of withLock is not recursive: it waits for the first guard', async () => {
    using lock = RLock.create(freshName());
    const first = await lock.acquire();
    await expect(lock.acquire({ timeout: 20 })).rejects.toThrow(TimeoutError);
    const second = lock.acquire();
    expect(lock.depth).toBe(1);
    first.release();
    (await second).release();
    expect(lock.locked).toBe(false);
  });

  test('a Sync form beside a flow that holds it is a DeadlockError; the try form finds it taken', async () => {
    const name = freshName();
    using lock = RLock.create(name);
    using other = RLock.attach(name);
    const holding = lock.withLock(() => sleep(100));
    await sleep(10);
    for (const one of [lock, other]) {
      expect(() => one.acquireSync()).toThrow(DeadlockError);
      expect(() => one.withLockSync(() => 1, { timeout: 5 })).toThrow(DeadlockError);
      expect(one.tryAcquire()).toBe(undefined);
    }
    await holding;
    lock.acquireSync().release();
  });

  test('a condition’s waitSync inside withLock does not open the lock to the others afterwards', async () => {
    using condition = Condition.create(freshName(), { lock: 'rlock' });
    const { lock } = condition;
    const flow = lock.withLock(async (guard) => {
      expect(() => condition.waitSync(guard, { timeout: 5 })).toThrow(TimeoutError);
      await sleep(60);
      expect(lock.depth).toBe(1);
    });
    await sleep(20);
    expect(lock.tryAcquire()).toBe(undefined);
    expect(() => lock.acquireSync()).toThrow(DeadlockError);
    await flow;
  });

  test('no level holds the lock while a condition waits with the innermost', async () => {
    using condition = Condition.create(freshName(), { lock: 'rlock' });
    const { lock } = condition;
    const [begin, entered, leave] = [new Signal(), new Signal(), new Signal()];
    const other = (async () => {
      await begin.given;
      await lock.withLock(async () => {
        entered.give();
        await leave.given;
        condition.notify();
      });
    })();
    await lock.withLock((outer) =>
      lock.withLock(async (inner) => {
        const waiting = condition.wait(inner);
        expect([outer.held, inner.held, lock.depth]).toEqual([false, false, 0]);
        expect(() => outer.release()).toThrow(/takes the lock back/);
        begin.give();
        await entered.given;
        // The other flow has it: what runs inside of the levels that were given up is not inside any more.
        await expect(lock.acquire({ timeout: 20 })).rejects.toThrow(TimeoutError);
        expect(lock.tryAcquire()).toBe(undefined);
        leave.give();
        await waiting;
        expect([outer.held, inner.held, lock.depth]).toEqual([true, true, 2]);
        expect(await lock.withLock(() => lock.depth)).toBe(3);
      }),
    );
    await other;
    expect([lock.depth, lock.locked]).toEqual([0, false]);
  });
});

test('4 processes x 2,000 nested read-modify-writes, Sync and promise mixed, lose nothing', async () => {
  const names = [freshName(), freshName()];
  using lock = RLock.create(names[0]!);
  using array = SharedArray.create(names[1]!, 'f64', 1);
  const peers = [...FORMS, ...FORMS].map((form) =>
    start(
      async ({ RLock, SharedArray }, { args }) => {
        const [lockName, arrayName, form] = args as unknown as [string, string, string];
        const lock = RLock.attach(lockName);
        const { view } = SharedArray.attach<'f64'>(arrayName);
        const count = (): void => {
          view[0] = view[0]! + 1;
        };
        for (let n = 0; n < 1_000; n++) {
          if (form === 'Sync') lock.withLockSync(() => [count(), lock.withLockSync(count)]);
          else await lock.withLock(async () => [count(), await lock.withLock(count)]);
        }
      },
      ...names,
      form,
    ),
  );
  for (const peer of peers) await peer.done();
  expect([array.at(0), lock.locked]).toEqual([8_000, false]);
});

/** Takes the lock `depth` times, says whether each guard was abandoned, and keeps them until told. */
function holder(name: string, form: string, depth: number, disable = ''): Peer {
  return startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ RLock }, { args, say, heard }) => {
      const [name, form, depth] = args as unknown as [string, string, number];
      const lock = RLock.attach(name);
      const abandoned: boolean[] = [];
      const down = async (left: number): Promise<void> => {
        if (left === 0) {
          say(abandoned);
          await heard();
          return;
        }
        await lock.withLock((guard) => {
          abandoned.push(guard.abandoned);
          return down(left - 1);
        });
      };
      if (form === 'promise') await down(depth);
      else {
        const guards = Array.from({ length: depth }, () => lock.acquireSync());
        say(guards.map((guard) => guard.abandoned));
        await heard();
        for (const guard of guards) guard.release();
      }
      say(lock.depth);
    },
    name,
    form,
    depth,
  );
}

describe.each(WAYS)('with %s', (_way, disable) => {
  test.each([
    ['Sync', 'promise'],
    ['promise', 'Sync'],
  ])(
    'a %s holder is killed at depth 3: a %s waiter gets the lock, and its first guard is told',
    async (form, next) => {
      const name = freshName();
      using lock = RLock.create(name);
      const dead = holder(name, form, 3, disable);
      expect(await dead.said()).toEqual([false, false, false]);
      const waiting = holder(name, next, 2, disable);
      await sleep(100);
      expect(lock.tryAcquire()).toBe(undefined);
      dead.kill();
      expect(await waiting.said()).toEqual([true, false]);
      expect(lock.owner).toEqual({ pid: waiting.pid, thread: 0 });
      waiting.tell();
      expect(await waiting.said()).toBe(0);
      expect(lock.tryAcquire()!.abandoned).toBe(false);
    },
  );
});

test.each(FORMS)('a process that exits at depth 2 (%s) gives the lock up as abandoned', async (form) => {
  const name = freshName();
  using lock = RLock.create(name);
  const peer = start(
    async ({ RLock }, { args }) => {
      const lock = RLock.attach(args[0]!);
      if (args[1] === 'Sync') {
        lock.acquireSync();
        lock.acquireSync();
        process.exit(0);
      }
      await lock.withLock(() => lock.withLock(() => process.exit(0)));
    },
    name,
    form,
  );
  await peer.done();
  expect(lock.acquireSync({ timeout: 30_000 }).abandoned).toBe(true);
});

test('closing a handle gives up its levels only; the lock is abandoned when the others are released', () => {
  const name = freshName();
  using lock = RLock.create(name);
  const closing = RLock.attach(name);
  const kept = lock.acquireSync();
  const lost = closing.acquireSync();
  closing.close();
  expect([kept.held, lost.held, lock.depth, lock.locked]).toEqual([true, false, 1, true]);
  expect(() => lost.release()).toThrow(NotOwnerError);
  kept.release();
  const next = lock.acquireSync();
  expect(next.abandoned).toBe(true);
  next.release();
  using last = lock.acquireSync();
  expect(last.abandoned).toBe(false);
});

test('a handle that is closed while a condition waits with another’s guard leaves one level less', async () => {
  using condition = Condition.create(freshName(), { lock: 'rlock' });
  using attached = Condition.attach<'rlock'>(condition.name);
  const outer = attached.lock.acquireSync();
  const inner = condition.lock.acquireSync();
  const waiting = condition.wait(inner);
  attached.close();
  using other = Condition.attach<'rlock'>(condition.name);
  await other.lock.withLock(() => other.notify());
  await waiting;
  expect([outer.held, inner.held, condition.lock.depth]).toEqual([false, true, 1]);
  inner.release();
  expect(condition.lock.acquireSync().abandoned).toBe(true); // a level was never released
});
