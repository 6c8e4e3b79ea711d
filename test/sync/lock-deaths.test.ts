// What becomes of a lock when somebody who has to do with it dies, at whatever moment. Many more kills: npm run stress.

import { Lock, Value } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';
import { asleep, WAYS } from './kinds.js';

/** Holds the lock until it is killed. */
async function holder(name: string, disable = ''): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    ({ Lock }, { args, say }) => {
      const kept = Lock.attach(args[0]!).acquireSync();
      say();
      setInterval(() => kept.held, 1000);
    },
    name,
  );
  await peer.said();
  return peer;
}

/** Waits for the lock, says whether it was abandoned, and holds it until it is told. */
async function waiter(name: string, form: string, disable = ''): Promise<Peer> {
  const peer = startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ Lock }, { args, say, heard }) => {
      const [name, form] = args as unknown as [string, string];
      const lock = Lock.attach(name);
      say('waiting');
      const guard = form === 'Sync' ? lock.acquireSync() : await lock.acquire();
      say(guard.abandoned);
      await heard();
      guard.release();
    },
    name,
    form,
  );
  await peer.said();
  await asleep(peer);
  return peer;
}

describe.each(WAYS)('with %s', (_way, disable) => {
  test.each([
    ['Sync', 'promise'],
    ['promise', 'Sync'],
  ])(
    'of a killed holder a %s and a %s waiter each get the lock in turn, the first is told',
    async (...forms) => {
      const name = freshName();
      using lock = Lock.create(name);
      const dead = await holder(name, disable);
      const waiters = [await waiter(name, forms[0], disable), await waiter(name, forms[1], disable)];
      dead.kill();
      const words = waiters.map(async (one) => ({ one, abandoned: await one.said() }));
      const first = await Promise.race(words);
      expect(first.abandoned).toBe(true);
      expect(lock.owner?.pid).toBe(first.one.pid);
      expect(lock.tryAcquire()).toBe(undefined);
      first.one.tell();
      const second = (await Promise.all(words)).find(({ one }) => one !== first.one)!;
      expect(second.abandoned).toBe(false);
      second.one.tell();
      for (const one of waiters) await one.done();
      expect(lock.tryAcquire()!.abandoned).toBe(false);
    },
  );

  test('try forms see a dead holder, too', async () => {
    const name = freshName();
    using lock = Lock.create(name);
    const dead = await holder(name, disable);
    expect(lock.tryAcquire()).toBe(undefined);
    dead.kill();
    await dead.exited;
    expect(lock.locked).toBe(false);
    expect(lock.tryAcquire()!.abandoned).toBe(true);
  });
});

describe.each(FORMS)('%s waiters', (form) => {
  test('the first one woken is killed before it acts: the second gets the lock all the same', async () => {
    const name = freshName();
    using lock = Lock.create(name);
    const dead = await holder(name);
    // Wakes up and dies at once: whatever it was to tell others, the addon has done by then.
    const doomed = start(async ({ Lock }, { args, say, require }) => {
      const { native } = require('../dist/native/load.js') as {
        native: { futexWaitWithMarks: (...args: never[]) => number };
      };
      const wait = native.futexWaitWithMarks;
      native.futexWaitWithMarks = (...args) => {
        const result = wait(...args);
        if (result === 0) process.kill(process.pid, 'SIGKILL');
        return result;
      };
      say('waiting');
      Lock.attach(args[0]!).acquireSync();
    }, name);
    await doomed.said();
    await asleep(doomed);
    const next = await waiter(name, form);
    dead.kill();
    expect((await doomed.exited).signal).toBe('SIGKILL');
    expect(await next.said()).toBe(true);
    expect(lock.owner?.pid).toBe(next.pid);
    next.tell();
    await next.done();
  });

  test('the releaser dies between publishing and waking', async () => {
    const name = freshName();
    using lock = Lock.create(name);
    const releaser = start(async ({ Lock }, { args, say, heard, require }) => {
      const { native } = require('../dist/native/load.js') as { native: { futexWake: () => number } };
      const guard = Lock.attach(args[0]!).acquireSync();
      say();
      await heard();
      native.futexWake = () => {
        process.kill(process.pid, 'SIGKILL');
        return 0;
      };
      guard.release();
    }, name);
    await releaser.said();
    const next = await waiter(name, form);
    releaser.tell();
    expect((await releaser.exited).signal).toBe('SIGKILL');
    expect(await next.said()).toBe(false); // it had been released
    next.tell();
    await next.done();
    expect(lock.locked).toBe(false);
  });

  test('waiters that are killed leave nothing that others would wait for', async () => {
    const name = freshName();
    using lock = Lock.create(name);
    const guard = lock.acquireSync();
    const dead = [await waiter(name, form), await waiter(name, form)];
    const alive = await waiter(name, form);
    for (const one of dead) one.kill();
    await Promise.all(dead.map((one) => one.exited));
    guard.release();
    expect(await alive.said()).toBe(false);
    alive.tell();
    await alive.done();
  });
});

test('a holder that is stopped for 10 seconds keeps the lock, and goes on with it', async () => {
  const name = freshName();
  using lock = Lock.create(name);
  const peer = start(async ({ Lock }, { args, say, heard }) => {
    const guard = Lock.attach(args[0]!).acquireSync();
    say();
    await heard();
    say([guard.held, Lock.attach(args[0]!).owner?.pid === process.pid]);
    guard.release();
  }, name);
  await peer.said();
  peer.kill('SIGSTOP');
  const others = FORMS.map((form) =>
    start(
      async ({ Lock }, { args, say }) => {
        const [name, form] = args as unknown as [string, string];
        const lock = Lock.attach(name);
        const wait = { timeout: 10_000 };
        try {
          const guard = form === 'Sync' ? lock.acquireSync(wait) : await lock.acquire(wait);
          say(guard.abandoned);
        } catch (error) {
          say((error as { code: string }).code);
        }
        const guard = form === 'Sync' ? lock.acquireSync() : await lock.acquire();
        say(guard.abandoned);
        guard.release();
      },
      name,
      form,
    ),
  );
  for (const one of others) expect(await one.said()).toBe('ERR_ISTHMUS_TIMEOUT');
  expect(lock.owner?.pid).toBe(peer.pid);
  peer.kill('SIGCONT');
  peer.tell();
  expect(await peer.said()).toEqual([true, true]);
  for (const one of others) expect(await one.said()).toBe(false);
  for (const one of [peer, ...others]) await one.done();
});

test('a death is noticed, and only that: what the dead one changed stays changed', async () => {
  const name = freshName();
  using value = Value.create(name, 'i32');
  const peer = start(({ Value }, { args }) => {
    const value = Value.attach<'i32'>(args[0]!);
    value.lock.acquireSync();
    value.value = 7;
    process.kill(process.pid, 'SIGKILL');
  }, name);
  await peer.exited;
  const guard = value.lock.acquireSync();
  expect([guard.abandoned, value.value]).toEqual([true, 7]);
  guard.release();
});

test('the slot of the dead is taken by another, who is not taken for the holder', async () => {
  const name = freshName();
  using lock = Lock.create(name, { participants: 2 });
  const dead = await holder(name);
  dead.kill();
  await dead.exited;
  // Whoever attaches now gets the dead one's slot, and with it the duty to mark what it held.
  const other = await waiter(name, 'Sync');
  expect(await other.said()).toBe(true);
  expect(lock.owner?.pid).toBe(other.pid);
  other.tell();
  await other.done();
});
