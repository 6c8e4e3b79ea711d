// What a Condition is beside the waiting that all have in common (waiting.test.ts): whom a notification is for, and what
// becomes of the lock. Deaths: condition-deaths.test.ts.

import { Condition, inspect, Lock, NotOwnerError, RLock, SharedArray, TimeoutError } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, start } from '../processes/start.js';
import { asleep, coded, contents, KINDS, until, waiter } from './kinds.js';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const waiting = (name: string): unknown => contents(name)['waiting'];

describe('the lock', () => {
  test.each(['lock', 'rlock'] as const)('(%s) must be held to wait and to notify', async (lock) => {
    const name = freshName();
    using condition = Condition.create(name, { lock });
    using other = Lock.create(freshName());
    for (const notify of [() => condition.notify(), () => condition.notifyAll(), () => condition.notify(0)])
      expect(notify).toThrow(NotOwnerError);
    const released = condition.lock.acquireSync();
    released.release();
    using foreign = other.acquireSync();
    for (const guard of [released, foreign]) {
      expect(() => condition.waitSync(guard)).toThrow(NotOwnerError);
      expect(() => condition.waitForSync(guard, () => true)).toThrow(NotOwnerError);
      await expect(condition.wait(guard)).rejects.toThrow(/does not hold the condition's lock/);
      await expect(condition.waitFor(guard, () => true)).rejects.toThrow(NotOwnerError);
    }
    const held = condition.lock.acquireSync();
    for (const wrong of [undefined, {}, null]) {
      expect(() => condition.waitSync(wrong as never)).toThrow(TypeError);
      await expect(condition.wait(wrong as never)).rejects.toThrow(TypeError);
    }
    for (const n of [-1, 1.5, Number.NaN]) expect(() => condition.notify(n)).toThrow(RangeError);
    expect(() => condition.notify('1' as never)).toThrow(TypeError);
    expect(() => condition.waitForSync(held, 1 as never)).toThrow(TypeError);
    expect([held.held, waiting(name)]).toEqual([true, 0]);
    held.release();
  });

  test.each(FORMS)(
    '%s: is given up while waiting, and held again afterwards, however the wait ends',
    async (form) => {
      const name = freshName();
      using condition = Condition.create(name);
      const peer = start(
        async ({ Condition }, { args, say }) => {
          const [name, form] = args as unknown as [string, string];
          const condition = Condition.attach<'lock'>(name);
          const guard = condition.lock.acquireSync();
          for (const timeout of [Number.POSITIVE_INFINITY, 0, 20]) {
            say('waiting');
            const ended = await (async () =>
              form === 'Sync'
                ? condition.waitSync(guard, { timeout })
                : condition.wait(guard, { timeout }))().then(
              () => 'notified',
              (error) => (error as { code: string }).code,
            );
            say([ended, guard.held, condition.lock.owner?.pid === process.pid]);
          }
          guard.release();
          say(guard.held);
        },
        name,
        form,
      );
      expect(await peer.said()).toBe('waiting');
      await until(() => waiting(name) === 1);
      await condition.lock.withLock(async () => {
        expect(condition.notify()).toBe(1);
        await sleep(50); // it has to wait for us
      });
      expect(await peer.said()).toEqual(['notified', true, true]);
      for (const _ of [0, 20]) {
        expect(await peer.said()).toBe('waiting');
        expect(await peer.said()).toEqual(['ERR_ISTHMUS_TIMEOUT', true, true]);
      }
      expect(await peer.said()).toBe(false);
      expect(waiting(name)).toBe(0);
    },
  );

  test.each(FORMS)('%s: of an RLock all levels are given up, and as many taken back', async (form) => {
    const name = freshName();
    using condition = Condition.create(name, { lock: 'rlock' });
    const peer = start(
      async ({ Condition }, { args, say }) => {
        const [name, form] = args as unknown as [string, string];
        const condition = Condition.attach<'rlock'>(name);
        const { lock } = condition;
        await lock.withLock(() =>
          lock.withLock(() =>
            lock.withLock(async (guard) => {
              if (form === 'Sync') condition.waitSync(guard);
              else await condition.wait(guard);
              say([lock.depth, guard.held]);
              await condition.wait(guard, { timeout: 10 }).catch(() => undefined);
              say([lock.depth, guard.held]);
            }),
          ),
        );
        say([lock.depth, lock.locked]);
      },
      name,
      form,
    );
    await until(() => waiting(name) === 1);
    condition.lock.withLockSync(() => condition.lock.withLockSync(() => condition.notify()));
    for (const _ of [1, 2]) expect(await peer.said()).toEqual([3, true]);
    expect(await peer.said()).toEqual([0, false]);
  });

  test('a guard that a condition waits with is not released', async () => {
    using condition = Condition.create(freshName());
    const guard = await condition.lock.acquire();
    const wait = condition.wait(guard);
    expect([guard.held, condition.lock.locked]).toEqual([false, false]);
    expect(() => guard.release()).toThrow(/takes the lock back/);
    await expect(condition.wait(guard)).rejects.toThrow(NotOwnerError);
    condition.lock.withLockSync(() => condition.notify());
    await wait;
    guard.release();
  });

  test('closing its handle during the wait ends that, and leaves it to the others', async () => {
    const names = [freshName(), freshName()];
    using lock = Lock.create(names[0]!);
    const closing = Lock.attach(names[0]!);
    using condition = Condition.create(names[1]!, { lock });
    const guard = await closing.acquire();
    using closingCondition = Condition.attach(names[1]!, { lock: closing });
    const wait = closingCondition.wait(guard);
    const held = await lock.acquire();
    const other = condition.wait(held);
    const third = await lock.acquire();
    condition.notify(); // the first: it waits for the lock now
    closing.close();
    await expect(wait).rejects.toThrow(coded('ERR_ISTHMUS_CLOSED') as Error);
    third.release();
    await other; // the notification went on
    expect([held.held, guard.held]).toEqual([true, false]);
    held.release();
    expect(waiting(names[1]!)).toBe(0);
  });
});

describe('notify', () => {
  test('6 waiters in 6 processes: notify(2), notify(4), notify(3) wake 2, 6, 6 in total', async () => {
    const name = freshName();
    using condition = Condition.create(name);
    const peers = [...FORMS, ...FORMS, ...FORMS].map((form) => waiter(KINDS['Condition']!, form, name));
    let awake = 0;
    for (const peer of peers) {
      expect(await peer.said()).toBe('waiting');
      peer.said().then((word) => {
        if (word === 'done') awake++;
      });
    }
    await until(() => waiting(name) === 6);
    for (const [n, notified, total] of [
      [2, 2, 2],
      [4, 4, 6],
      [3, 0, 6],
    ] as const) {
      expect(condition.lock.withLockSync(() => condition.notify(n))).toBe(notified);
      await until(() => awake >= total);
      await sleep(60);
      expect([awake, waiting(name)]).toEqual([total, 6 - total]);
    }
    for (const peer of peers) await peer.done();
  });

  test('is not remembered, and 0 is nobody', async () => {
    const name = freshName();
    using condition = Condition.create(name);
    expect(condition.lock.withLockSync(() => [condition.notify(), condition.notifyAll()])).toEqual([0, 0]);
    const guard = condition.lock.acquireSync();
    expect(() => condition.waitSync(guard, { timeout: 10 })).toThrow(TimeoutError);
    await expect(condition.wait(guard, { timeout: 10 })).rejects.toThrow(/nobody notified/);
    guard.release();
    const peer = waiter(KINDS['Condition']!, 'promise', name);
    await until(() => waiting(name) === 1);
    expect(condition.lock.withLockSync(() => condition.notify(0))).toBe(0);
    expect(condition.lock.withLockSync(() => [condition.notify(), condition.notify()])).toEqual([1, 0]);
    for (const word of ['waiting', 'done']) expect(await peer.said()).toBe(word);
  });

  test('waits of one handle are notified in the order of the calls', async () => {
    const name = freshName();
    using condition = Condition.create(name);
    const order: number[] = [];
    const waits = Array.from({ length: 9 }, (_, n) =>
      condition.lock.withLock((guard) => condition.wait(guard)).then(() => order.push(n)),
    );
    await until(() => waiting(name) === 9);
    for (const n of [1, 3, 5]) {
      condition.lock.withLockSync(() => condition.notify(n));
      await sleep(20);
    }
    await Promise.all(waits);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('a Sync wait goes before promises of its process that wait: they could not go on', async () => {
    const name = freshName();
    using condition = Condition.create(name);
    const promised = condition.lock.withLock((guard) => condition.wait(guard));
    await until(() => waiting(name) === 1);
    const peer = start(async ({ Condition, inspect }, { args, sleep }) => {
      const condition = Condition.attach<'lock'>(args[0]!);
      while (inspect(args[0]!).contents!['waiting'] !== 2) await sleep(5);
      condition.lock.withLockSync(() => condition.notify());
    }, name);
    condition.lock.withLockSync((guard) => condition.waitSync(guard, { timeout: 40_000 }));
    await peer.done();
    expect(waiting(name)).toBe(1);
    condition.lock.withLockSync(() => condition.notify());
    await promised;
  });

  test.each(['timeout', 'abort', 'close'])(
    'one given to a wait that ends by %s goes to another',
    async (how) => {
      const name = freshName();
      using condition = Condition.create(name);
      const giving = Condition.attach<'lock'>(name);
      const peer = waiter(KINDS['Condition']!, 'Sync', name);
      await until(() => waiting(name) === 1);
      const abort = new AbortController();
      const guard = await giving.lock.acquire();
      const lost = giving.wait(guard, how === 'timeout' ? { timeout: 50 } : { signal: abort.signal }).then(
        () => guard.release(),
        (error: Error & { code?: string }) => {
          if (guard.held) guard.release();
          return error.code ?? error.message;
        },
      );
      // Notified, and ended before it has the lock again. (Ours is the first slot: the first notification is for it.)
      const mine = condition.lock.acquireSync();
      if (how !== 'timeout') condition.notify();
      if (how === 'abort') abort.abort(new Error('enough'));
      if (how === 'close') giving.close();
      if (how === 'timeout') {
        await sleep(100); // its time is over, and it waits for the lock to say so
        condition.notify();
      }
      mine.release();
      const end = await lost;
      if (end === undefined) {
        // It went on by the notification all the same: then the other one still waits.
        expect([how === 'close', waiting(name)]).toEqual([false, 1]);
        condition.lock.withLockSync(() => condition.notify());
      }
      for (const word of ['waiting', 'done']) expect(await peer.said()).toBe(word);
      expect(waiting(name)).toBe(0);
      giving.close();
    },
  );
});

describe('waitFor', () => {
  test.each(FORMS)(
    '%s: gives what the predicate returned last, and looks whenever it is notified',
    async (form) => {
      const names = [freshName(), freshName()];
      using condition = Condition.create(names[0]!);
      using array = SharedArray.create(names[1]!, 'i32', 1);
      const peer = start(
        async ({ Condition, SharedArray }, { args, say }) => {
          const [name, arrayName, form] = args as unknown as [string, string, string];
          const condition = Condition.attach<'lock'>(name);
          const { view } = SharedArray.attach<'i32'>(arrayName);
          let looks = 0;
          const predicate = (): string | undefined => {
            looks++;
            return view[0]! >= 3 ? `found ${view[0]}` : undefined;
          };
          const guard = condition.lock.acquireSync();
          const found =
            form === 'Sync'
              ? condition.waitForSync(guard, predicate)
              : await condition.waitFor(guard, predicate);
          say([found, looks, guard.held]);
          const fail = (): never => {
            throw new Error('mine');
          };
          const never = async (how: () => unknown, wait: object): Promise<unknown> =>
            (form === 'Sync'
              ? condition.waitForSync(guard, how, wait)
              : condition.waitFor(guard, how, wait)) as Promise<unknown>;
          for (const [how, wait] of [
            [() => false, { timeout: 0 }],
            [() => 0, { timeout: 30 }],
            [fail, {}],
            [async () => true, {}],
            [() => true, { timeout: 0 }],
          ] as const) {
            say([
              await never(how, wait).catch(
                (error: { code?: string; message: string }) => error.code ?? error.message,
              ),
              guard.held,
            ]);
          }
        },
        ...names,
        form,
      );
      for (let n = 1; n <= 3; n++) {
        await until(() => waiting(names[0]!) === 1);
        condition.lock.withLockSync(() => {
          array.add(0, 1);
          condition.notify();
        });
        if (n < 3) await until(() => waiting(names[0]!) === 1);
        await sleep(20);
      }
      const [found, looks, held] = await peer.said<[string, number, boolean]>();
      expect([found, held]).toEqual(['found 3', true]);
      expect(looks).toBeLessThanOrEqual(4);
      for (const end of ['ERR_ISTHMUS_TIMEOUT', 'ERR_ISTHMUS_TIMEOUT', 'mine', 'ERR_INVALID_ARG_TYPE', true])
        expect(await peer.said()).toEqual([end, true]);
    },
  );

  test('an abort ends it with the lock held', async () => {
    using condition = Condition.create(freshName());
    const abort = new AbortController();
    await condition.lock.withLock(async (guard) => {
      const wait = condition.waitFor(guard, () => false, { signal: abort.signal });
      setTimeout(() => abort.abort(new Error('enough')), 20);
      await expect(wait).rejects.toThrow('enough');
      expect(guard.held).toBe(true);
      await expect(condition.wait(guard, { signal: abort.signal })).rejects.toThrow('enough');
      expect(guard.held).toBe(true);
    });
  });
});

test.each(['lock', 'rlock'])(
  'a bounded buffer: two conditions with one %s, 3 producers and 3 consumers',
  async (kind) => {
    const ITEMS = 300;
    const [lockName, fullName, emptyName, bufferName, seenName] = Array.from({ length: 5 }, () =>
      freshName(),
    );
    using lock = kind === 'lock' ? Lock.create(lockName!) : RLock.create(lockName!);
    using _notFull = Condition.create(fullName!, { lock });
    using _notEmpty = Condition.create(emptyName!, { lock });
    using _buffer = SharedArray.create(bufferName!, 'i32', 6); // [count, four items, most]
    using seen = SharedArray.create(seenName!, 'i32', 3 * ITEMS);
    const peers = [0, 1, 2].flatMap((n) =>
      ['producer', 'consumer'].map((role) =>
        start(
          async ({ Condition, SharedArray }, { args }) => {
            const [full, empty, buffer, seenName, role, n, items] = args as unknown as [
              string,
              string,
              string,
              string,
              string,
              number,
              number,
            ];
            const notFull = Condition.attach(full);
            const notEmpty = Condition.attach(empty);
            const { view } = SharedArray.attach<'i32'>(buffer);
            const seen = SharedArray.attach<'i32'>(seenName);
            const [wait, tell, ready] =
              role === 'producer'
                ? ([notFull, notEmpty, () => view[0]! < 4] as const)
                : ([notEmpty, notFull, () => view[0]! > 0] as const);
            for (let item = 0; item < items; item++) {
              const work = (): void => {
                if (role === 'producer') {
                  view[0] = view[0]! + 1;
                  view[view[0]!] = n * items + item;
                  view[5] = Math.max(view[5]!, view[0]!);
                } else {
                  seen.add(view[view[0]!]!, 1);
                  view[0] = view[0]! - 1;
                }
                tell.notify();
              };
              // Each condition attached the lock by itself: both handles are one holder.
              if (n % 2 === 0)
                wait.lock.withLockSync((guard) => {
                  wait.waitForSync(guard, ready);
                  work();
                });
              else
                await wait.lock.withLock(async (guard) => {
                  await wait.waitFor(guard, ready);
                  work();
                });
            }
          },
          fullName,
          emptyName,
          bufferName,
          seenName,
          role,
          n,
          ITEMS,
        ),
      ),
    );
    for (const peer of peers) await peer.done();
    expect(seen.view.every((times) => times === 1)).toBe(true);
    expect(_buffer.at(0)).toBe(0);
    expect(_buffer.at(5)).toBeLessThanOrEqual(4);
    expect(inspect(fullName!).contents).toMatchObject({ waiting: 0 });
  },
);

test.each(FORMS)('a %s waiter that is stopped swallows nothing but its own notification', async (form) => {
  const name = freshName();
  using condition = Condition.create(name);
  const stopped = waiter(KINDS['Condition']!, form, name);
  await until(() => waiting(name) === 1);
  await asleep(stopped);
  stopped.kill('SIGSTOP');
  const peer = waiter(KINDS['Condition']!, form, name);
  await until(() => waiting(name) === 2);
  expect(condition.lock.withLockSync(() => condition.notify(2))).toBe(2);
  for (const word of ['waiting', 'done']) expect(await peer.said()).toBe(word);
  stopped.kill('SIGCONT');
  for (const word of ['waiting', 'done']) expect(await stopped.said()).toBe(word);
});
