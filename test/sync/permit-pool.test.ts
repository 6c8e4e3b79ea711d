// What a PermitPool is beside the waiting that all have in common (waiting.test.ts): counting, owners, and their deaths.

import { DeadlockError, inspect, NotOwnerError, PermitPool, Semaphore, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';
import { asleep, contents, KINDS, until, WAYS, waiter } from './kinds.js';

/** Takes permits in the form, says so, and keeps them until it is told (and then releases) or killed. */
async function holder(name: string, form: string, permits = 1, disable = ''): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ PermitPool }, { args, say, heard }) => {
      const [name, form, permits] = args as unknown as [string, string, number];
      const pool = PermitPool.attach(name);
      const guards = [];
      for (let n = 0; n < permits; n++)
        guards.push(form === 'Sync' ? pool.acquireSync() : await pool.acquire());
      say(guards.map(({ abandoned }) => abandoned));
      await heard();
      for (const guard of guards) guard.release();
      say(pool.holders.some(({ pid }) => pid === process.pid));
    },
    name,
    form,
    permits,
  );
  return peer;
}

test('so many at a time have a permit, and everybody can see who', async () => {
  const name = freshName();
  using pool = PermitPool.create(name, 3);
  expect([pool.permits, pool.available, pool.holders]).toEqual([3, 3, []]);
  const peer = await holder(name, 'Sync', 2);
  expect(await peer.said()).toEqual([false, false]);
  expect(pool.available).toBe(1);
  expect(pool.holders).toEqual([{ pid: peer.pid, thread: 0 }]);
  const last = pool.tryAcquire()!;
  expect([last.held, last.abandoned, pool.available]).toEqual([true, false, 0]);
  expect(pool.holders).toHaveLength(2);
  expect(contents(name)).toMatchObject({ available: 0 });
  expect(pool.tryAcquire()).toBe(undefined);
  expect(() => pool.acquireSync({ timeout: 20 })).toThrow(/no permit was free within 20 ms/);
  peer.tell();
  expect(await peer.said()).toBe(false);
  expect(pool.available).toBe(2);
  last.release();
  expect(() => last.release()).toThrow(NotOwnerError);
  expect(pool.available).toBe(3);
});

test('withPermit gives the result and releases, also when fn throws', async () => {
  using pool = PermitPool.create(freshName(), 1);
  expect(pool.withPermitSync(({ held }) => [held, pool.available])).toEqual([true, 0]);
  expect(await pool.withPermit(async ({ held }) => [held, pool.available])).toEqual([true, 0]);
  const fail = (): never => {
    throw new Error('mine');
  };
  expect(() => pool.withPermitSync(fail)).toThrow('mine');
  await expect(pool.withPermit(fail)).rejects.toThrow('mine');
  expect(() => pool.withPermitSync(1 as never)).toThrow(TypeError);
  expect(() => pool.withPermitSync(async () => 1)).toThrow(/use withLock or withPermit/);
  await expect(pool.withPermit(undefined as never)).rejects.toThrow(TypeError);
  expect(pool.available).toBe(1);
});

test('a Sync form that would wait for its own environment is a DeadlockError', async () => {
  const name = freshName();
  using pool = PermitPool.create(name, 2);
  using other = PermitPool.attach(name);
  const first = pool.acquireSync();
  const second = other.acquireSync(); // no deadlock: another one is free
  expect(() => pool.acquireSync()).toThrow(DeadlockError);
  expect(() => other.withPermitSync(() => 1, { timeout: 5 })).toThrow(/all its permits/);
  const waiting = pool.acquire({ timeout: 40_000 }); // another task may release one
  first.release();
  (await waiting).release();
  second.release();
});

test('promise forms of one process get permits in the order of the calls', async () => {
  using pool = PermitPool.create(freshName(), 2);
  const order: number[] = [];
  let most = 0;
  let now = 0;
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      pool.withPermit(async () => {
        order.push(n);
        most = Math.max(most, ++now);
        if (n % 3 === 0) await new Promise(setImmediate);
        now--;
      }),
    ),
  );
  expect([order, most]).toEqual([Array.from({ length: 20 }, (_, n) => n), 2]);
});

describe('the bound', () => {
  test('4 processes x 2,000 uses of 3 permits: never more than 3 at a time', async () => {
    const names = [freshName(), freshName()];
    using pool = PermitPool.create(names[0]!, 3);
    using inside = Value.create(names[1]!, 'i32');
    const peers = [...FORMS, ...FORMS].map((form) =>
      start(
        async ({ PermitPool, Value }, { args, say }) => {
          const [poolName, insideName, form] = args as unknown as [string, string, string];
          const pool = PermitPool.attach(poolName);
          const inside = Value.attach<'i32'>(insideName);
          let most = 0;
          const use = (): void => {
            most = Math.max(most, inside.add(1) + 1);
            inside.sub(1);
          };
          for (let n = 0; n < 2_000; n++) {
            if (form === 'Sync') pool.withPermitSync(use);
            else await pool.withPermit(use);
          }
          say(most);
        },
        ...names,
        form,
      ),
    );
    for (const peer of peers) expect(await peer.said()).toBeLessThanOrEqual(3);
    for (const peer of peers) await peer.done();
    expect([pool.available, inside.value]).toEqual([3, 0]);
  });

  test('two processes x 10,000 releases of a full pool: a guard releases once, never more than the bound', async () => {
    const name = freshName();
    using pool = PermitPool.create(name, 2);
    const peers = [1, 2].map(() =>
      start(({ PermitPool }, { args, say }) => {
        const pool = PermitPool.attach(args[0]!);
        let most = 0;
        let refused = 0;
        let guard = pool.acquireSync();
        guard.release();
        for (let round = 0; round < 10_000; round++) {
          if (round % 3 === 0) guard = pool.tryAcquire() ?? guard;
          try {
            guard.release();
          } catch (error) {
            if ((error as { code: string }).code !== 'ERR_ISTHMUS_NOT_OWNER') throw error;
            refused++;
          }
          most = Math.max(most, pool.available);
        }
        say([most, refused > 0]);
      }, name),
    );
    for (const peer of peers) expect(await peer.said()).toEqual([2, true]);
    for (const peer of peers) await peer.done();
    expect(pool.available).toBe(2);
  });

  test('two processes x 10,000 releases of a full bounded semaphore: never more than max', async () => {
    const name = freshName();
    using semaphore = Semaphore.create(name, { initial: 2, max: 2 });
    const peers = [1, 2].map(() =>
      start(({ Semaphore }, { args, say }) => {
        const semaphore = Semaphore.attach(args[0]!, { max: 2 });
        let most = 0;
        let refused = 0;
        for (let round = 0; round < 10_000; round++) {
          if (round % 5 === 0) semaphore.tryAcquire();
          try {
            semaphore.release();
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
            refused++;
          }
          most = Math.max(most, semaphore.value);
        }
        say([most, refused > 0]);
      }, name),
    );
    for (const peer of peers) expect(await peer.said()).toEqual([2, true]);
    expect(semaphore.value).toBeLessThanOrEqual(2);
  });
});

describe.each(WAYS)('with %s', (_way, disable) => {
  test.each([
    ['Sync', 'promise'],
    ['promise', 'Sync'],
  ])('the permits of a killed %s holder come back to %s waiters, who are told', async (form, waiting) => {
    const name = freshName();
    using pool = PermitPool.create(name, 2);
    const dead = await holder(name, form, 2, disable);
    expect(await dead.said()).toEqual([false, false]);
    const waiters = [await holder(name, waiting, 1, disable), await holder(name, waiting, 1, disable)];
    await until(() => inspect(name).participants!.length === 4); // they are there
    await asleep(...waiters);
    dead.kill();
    for (const one of waiters) expect(await one.said()).toEqual([true]);
    expect(pool.holders.map(({ pid }) => pid).sort()).toEqual(waiters.map(({ pid }) => pid).sort());
    for (const one of waiters) one.tell();
    for (const one of waiters) expect(await one.said()).toBe(false);
    const guards = [pool.tryAcquire()!, pool.tryAcquire()!];
    expect(guards.map(({ abandoned }) => abandoned)).toEqual([false, false]);
  });

  test('try forms and counts see the dead, too', async () => {
    const name = freshName();
    using pool = PermitPool.create(name, 1);
    const dead = await holder(name, 'Sync', 1, disable);
    await dead.said();
    expect([pool.available, pool.tryAcquire()]).toEqual([0, undefined]);
    dead.kill();
    await dead.exited;
    expect([pool.available, pool.holders]).toEqual([1, []]);
    expect(pool.tryAcquire()!.abandoned).toBe(true);
  });
});

test('the slot of the dead is taken by another, who is not taken for the holder', async () => {
  const name = freshName();
  using pool = PermitPool.create(name, 1, { participants: 2 });
  const dead = await holder(name, 'Sync');
  await dead.said();
  dead.kill();
  await dead.exited;
  const other = await holder(name, 'Sync');
  expect(await other.said()).toEqual([true]);
  expect(pool.holders).toEqual([{ pid: other.pid, thread: 0 }]);
  other.tell();
  expect(await other.said()).toBe(false);
  expect(pool.available).toBe(1);
});

test.each([
  ['exits normally', 'process.exit(0)'],
  ['throws', 'setImmediate(() => { throw new Error("mine") })'],
])('whoever %s with permits gives them up as abandoned', async (_how, code) => {
  const name = freshName();
  using pool = PermitPool.create(name, 2);
  const peer = start(
    ({ PermitPool }, { args }) => {
      const [name, code] = args as unknown as [string, string];
      const pool = PermitPool.attach(name);
      (globalThis as { kept?: unknown }).kept = [pool.acquireSync(), pool.acquireSync()];
      new Function(code)();
    },
    name,
    code,
  );
  await peer.exited;
  expect(pool.available).toBe(2);
  expect([pool.acquireSync(), pool.acquireSync()].map(({ abandoned }) => abandoned)).toEqual([true, true]);
});

test('a handle that is closed with permits gives up its own, as abandoned, and no others', () => {
  const name = freshName();
  using pool = PermitPool.create(name, 3);
  const kept = pool.acquireSync();
  const closing = PermitPool.attach(name);
  const lost = [closing.acquireSync(), closing.acquireSync()];
  closing.close();
  expect([kept.held, ...lost.map(({ held }) => held), pool.available]).toEqual([true, false, false, 2]);
  expect(() => lost[0]!.release()).toThrow(/was closed/);
  const next = [pool.acquireSync(), pool.acquireSync()];
  expect(next.map(({ abandoned }) => abandoned)).toEqual([true, true]);
  for (const one of [kept, ...next]) one.release();
  expect(pool.available).toBe(3);
});

test.each(FORMS)('a holder that is stopped keeps its permit; a %s waiter times out', async (form) => {
  const name = freshName();
  using pool = PermitPool.create(name, 1);
  const stopped = await holder(name, 'promise');
  await stopped.said();
  stopped.kill('SIGSTOP');
  const peer = waiter(KINDS['PermitPool']!, form, name, { wait: { timeout: 2500 } });
  expect(await peer.said()).toBe('waiting');
  expect(await peer.said()).toBe('ERR_ISTHMUS_TIMEOUT');
  expect(pool.holders).toEqual([{ pid: stopped.pid, thread: 0 }]);
  stopped.kill('SIGCONT');
  stopped.tell();
  expect(await stopped.said()).toBe(false);
});
