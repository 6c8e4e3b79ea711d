// What becomes of a Condition when those who wait for it are killed: nobody else waits for them, and no notification is
// lost with them.

import { Condition } from 'isthmus';
import { describe, expect, test } from 'vitest';
import { FORMS, freshName, type Peer, start, startWith } from '../processes/start.js';
import { asleep, contents, KINDS, until, WAYS, waiter } from './kinds.js';

const waiting = (name: string): unknown => contents(name)['waiting'];

describe.each(FORMS)('of five %s waiters', (form) => {
  test.each([0, 1, 2, 3, 4])(
    'number %i is killed: notify hangs nobody and reaches the four others',
    async (which) => {
      const name = freshName();
      using condition = Condition.create(name);
      const peers: Peer[] = [];
      for (let n = 0; n < 5; n++)
        peers.push(waiter(KINDS['Condition']!, n === which ? form : FORMS[n % 2]!, name));
      await until(() => waiting(name) === 5);
      await asleep(...peers);
      const [dead] = peers.splice(which, 1);
      dead!.kill();
      await dead!.exited;
      const notified = condition.lock.withLockSync(() => [1, 2, 9].map((n) => condition.notify(n)));
      expect(notified).toEqual([1, 2, 1]);
      for (const peer of peers) for (const word of ['waiting', 'done']) expect(await peer.said()).toBe(word);
    },
  );
});

/** Waits in a process that is killed once it was notified, before it has the lock again. */
function doomed(name: string, form: string, disable: string): Peer {
  return startWith(
    { env: { ISTHMUS_DISABLE: disable } },
    async ({ Condition }, { args, say }) => {
      const [name, form] = args as unknown as [string, string];
      const condition = Condition.attach<'lock'>(name);
      await condition.lock.withLock(async (guard) => {
        if (form === 'Sync') condition.waitSync(guard);
        else await condition.wait(guard);
        say('must not get here');
      });
    },
    name,
    form,
  );
}

describe.each(WAYS)('with %s', (_way, disable) => {
  test.each([
    ['Sync', 'promise'],
    ['promise', 'Sync'],
  ] as const)(
    'a %s waiter is killed when it was notified, before it has the lock: a %s waiter goes on instead',
    async (form, other) => {
      const name = freshName();
      using condition = Condition.create(name);
      const dead = doomed(name, form, disable);
      await until(() => waiting(name) === 1);
      const peer = waiter(KINDS['Condition']!, other, name, { env: { ISTHMUS_DISABLE: disable } });
      const guard = condition.lock.acquireSync({ timeout: 30_000 });
      guard.release();
      await until(() => waiting(name) === 2);
      await asleep(dead, peer);
      const held = condition.lock.acquireSync({ timeout: 30_000 });
      const notified = condition.notify();
      dead.kill(); // whichever was notified: one of them goes on
      await dead.exited;
      held.release();
      expect(notified).toBe(1);
      for (const word of ['waiting', 'done']) expect(await peer.said()).toBe(word);
    },
  );

  test('a killed holder of the lock is told to the waiter that comes next', async () => {
    const name = freshName();
    using _condition = Condition.create(name);
    const notifier = startWith(
      { env: { ISTHMUS_DISABLE: disable } },
      ({ Condition }, { args, say }) => {
        const condition = Condition.attach<'lock'>(args[0]!);
        const guard = condition.lock.acquireSync();
        condition.notify();
        say();
        setInterval(() => guard.held, 1000);
      },
      name,
    );
    const peers: Peer[] = [];
    await notifier.said(); // nobody waited
    notifier.kill();
    await notifier.exited;
    for (const form of FORMS) {
      peers.push(
        startWith(
          { env: { ISTHMUS_DISABLE: disable } },
          async ({ Condition }, { args, say }) => {
            const [name, form] = args as unknown as [string, string];
            const condition = Condition.attach<'lock'>(name);
            const guard = form === 'Sync' ? condition.lock.acquireSync() : await condition.lock.acquire();
            if (form === 'Sync') condition.waitSync(guard);
            else await condition.wait(guard);
            say(guard.abandoned);
            guard.release();
          },
          name,
          form,
        ),
      );
      await until(() => waiting(name) === peers.length);
    }
    const killer = startWith(
      { env: { ISTHMUS_DISABLE: disable } },
      ({ Condition }, { args }) => {
        const condition = Condition.attach<'lock'>(args[0]!);
        condition.lock.acquireSync();
        condition.notifyAll();
        process.kill(process.pid, 'SIGKILL');
      },
      name,
    );
    await killer.exited;
    const words = await Promise.all(peers.map((peer) => peer.said()));
    expect(words.sort()).toEqual([false, true]); // the first of them is told
  });
});

test.each(FORMS)(
  'an RLock’s %s waiter at depth 3 is killed: the lock is free, the others are notified',
  async (form) => {
    const name = freshName();
    using condition = Condition.create(name, { lock: 'rlock' });
    const peers = [1, 2].map(() =>
      start(
        async ({ Condition }, { args, say }) => {
          const [name, form] = args as unknown as [string, string];
          const condition = Condition.attach<'rlock'>(name);
          const { lock } = condition;
          await lock.withLock(() =>
            lock.withLock(() =>
              lock.withLock(async (guard) => {
                if (form === 'Sync') condition.waitSync(guard);
                else await condition.wait(guard);
                say(lock.depth);
              }),
            ),
          );
        },
        name,
        form,
      ),
    );
    await until(() => waiting(name) === 2);
    condition.lock.acquireSync({ timeout: 30_000 }).release(); // both have given it up
    peers[0]!.kill();
    await peers[0]!.exited;
    const guard = condition.lock.acquireSync({ timeout: 30_000 });
    expect([guard.abandoned, condition.notifyAll()]).toEqual([false, 1]);
    guard.release();
    expect(await peers[1]!.said()).toBe(3);
  },
);

test.each(FORMS)(
  'the slot of a killed %s waiter that was notified is taken by another waiter',
  async (form) => {
    const name = freshName();
    using condition = Condition.create(name, { participants: 3 });
    const dead = doomed(name, form, '');
    await until(() => waiting(name) === 1);
    await asleep(dead);
    const held = condition.lock.acquireSync();
    condition.notify();
    const patient = waiter(KINDS['Condition']!, form, name);
    dead.kill();
    await dead.exited;
    held.release();
    // The notification was for those who waited then, and those are gone; whoever comes in the slot waits for the next.
    for (const word of ['waiting']) expect(await patient.said()).toBe(word);
    const late = waiter(KINDS['Condition']!, form, name);
    expect(await late.said()).toBe('waiting');
    const done = new Set<number>();
    for (const peer of [patient, late])
      peer.said().then((word) => {
        if (word === 'done') done.add(peer.pid);
      });
    // At most the dead one's notification lets one of them go on; the others must have begun to wait.
    const waits = (pid: number) =>
      (contents(name)['waiters'] as { pid: number }[]).some((waiter) => waiter.pid === pid);
    await until(() => [patient, late].every(({ pid }) => done.has(pid) || waits(pid)));
    condition.lock.withLockSync(() => condition.notifyAll());
    await until(() => done.size === 2);
  },
);
