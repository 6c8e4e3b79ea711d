// The same locked changes as of load 'lock', under locks that are taken again in between: the first step of a change on one
// level, the second on another. Flows of one process exclude each other: each would find the other's half.

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Condition, RLock } from 'isthmus';
import { changes, LOCKS } from '../accounts.mjs';
import { check as demand } from '../ledger.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export { check, counts, mourn } from '../accounts.mjs';

/** Two locks: an RLock, and a Condition's. */
export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

/** How often it is taken again, at most. */
const LEVELS = 2;

export function create({ name }) {
  const lock = RLock.create(name('lock'));
  const condition = Condition.create(name('condition'), { lock: 'rlock' });
  return {
    locks: [lock, condition.lock],
    close() {
      lock.close();
      condition.close();
    },
  };
}

const holding = (guard, work) => {
  try {
    return work(guard);
  } finally {
    guard.release();
  }
};
const AGAIN_SYNC = [
  (lock, work) => lock.withLockSync(work),
  (lock, work) => holding(lock.acquireSync(), work),
  (lock, work) => holding(lock.tryAcquire(), work),
];
const AGAIN = [
  (lock, work) => lock.withLock(work),
  async (lock, work) => {
    const guard = await lock.acquire();
    await work(guard);
    guard.release();
  },
];

export function actor(context) {
  const { name, random } = context;
  let lock = RLock.attach(name('lock'));
  let condition = Condition.attach(name('condition'));
  const change = [changes(context, 0), changes(context, 1)];
  const any = () => random.below(LOCKS);
  const lockOf = (which) => (which === 0 ? lock : condition.lock);
  const pause = () => (random.chance(0.2) ? sleep(random.below(4)) : turn());

  /** Within the lock: takes it again so many times, works, and finds it as it was. */
  const at = (which, depth) => {
    change[which].inside();
    const { depth: found } = lockOf(which);
    demand(found === depth, () => `lock ${which} is held ${found} times, not ${depth}`);
  };
  const deeperSync = (which, work, levels = random.below(LEVELS + 1), depth = 1) => {
    at(which, depth);
    if (levels === 0) return work();
    random.pick(AGAIN_SYNC)(lockOf(which), ({ abandoned }) => {
      demand(!abandoned, 'taken again, and abandoned');
      deeperSync(which, work, levels - 1, depth + 1);
    });
    at(which, depth);
  };
  const deeper = async (which, work, levels = random.below(LEVELS + 1), depth = 1) => {
    at(which, depth);
    if (levels === 0) return work();
    await random.pick(AGAIN)(lockOf(which), ({ abandoned }) => {
      demand(!abandoned, 'taken again, and abandoned');
      return deeper(which, work, levels - 1, depth + 1);
    });
    at(which, depth);
  };
  const atOnce = (which) => (guard) => {
    const { look, first, second } = change[which];
    look(guard);
    deeperSync(which, first);
    deeperSync(which, second);
  };
  const overTurns = (which) => async (guard) => {
    const { look, first, second } = change[which];
    look(guard);
    await deeper(which, () => {
      first();
      return pause();
    });
    deeperSync(which, () => change[which].inside());
    await pause();
    await deeper(which, second);
  };
  /** A guard that a promise form gave is nobody's to take again. */
  const flat = async (acquire) => {
    const which = any();
    const guard = await unlessGivenUp(() => acquire(lockOf(which)));
    if (guard === false || guard === undefined) return false;
    const { look, first, second } = change[which];
    look(guard);
    first();
    second();
    guard.release();
  };
  const on = (work) => () => {
    const which = any();
    return work(lockOf(which), which);
  };
  const within = () => ({ timeout: random.between(0, 8) });
  const steps = {
    withLockSync: on((one, which) => one.withLockSync(atOnce(which))),
    withLock: on((one, which) => one.withLock(atOnce(which))),
    'withLock over turns': on((one, which) => one.withLock(overTurns(which))),
    'acquireSync, any order': on((one, which) => {
      const { look, first, second } = change[which];
      const guards = [one.acquireSync()];
      look(guards[0]);
      while (guards.length <= LEVELS) guards.push(one.acquireSync());
      first();
      for (const guard of random.chance(0.5) ? guards.splice(0, 2) : guards.splice(1)) guard.release();
      second();
      for (const guard of guards) guard.release();
    }),
    'acquireSync, timeout': () => flat((one) => one.acquireSync(within())),
    'acquire, timeout': () => flat((one) => one.acquire(within())),
    'acquire, abort': () => flat((one) => aborting(random, (signal) => one.acquire({ signal }))),
    tryAcquire: () => flat((one) => one.tryAcquire()),
    'several flows': on((one, which) =>
      Promise.all([overTurns, atOnce, overTurns].map((how) => one.withLock(how(which)))),
    ),
    'close while it holds': on((one, which) => {
      if (random.chance(0.8)) return false;
      change[which].look(one.acquireSync());
      if (random.chance(0.5)) one.acquireSync();
      change[which].giveUp();
      if (which === 0) {
        lock.close();
        lock = RLock.attach(name('lock'));
      } else {
        condition.close();
        condition = Condition.attach(name('condition'));
      }
    }),
  };
  return {
    steps,
    close() {
      lock.close();
      condition.close();
    },
  };
}
