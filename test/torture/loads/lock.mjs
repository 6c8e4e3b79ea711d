// Locked changes in two steps: 1 to what all have counted together, then 1 to the holder's own account. Whoever finds
// the one without the other must have been told that the holder before it died (guard.abandoned).

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Lock, Value } from 'isthmus';
import { changes, LOCKS } from '../accounts.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export { check, counts, mourn } from '../accounts.mjs';

/** Two locks: a Lock, and a Value's. Operations of the kinds 0 and 1. */
export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

export function create({ name }) {
  const lock = Lock.create(name('lock'));
  const value = Value.create(name('value'), 'f64');
  return {
    locks: [lock, value.lock],
    close() {
      lock.close();
      value.close();
    },
  };
}

export function actor(context) {
  const { name, random } = context;
  let lock = Lock.attach(name('lock'));
  const value = Value.attach(name('value'));
  const change = [changes(context, 0), changes(context, 1)];
  const any = () => random.below(LOCKS);
  const lockOf = (which) => (which === 0 ? lock : value.lock);
  const atOnce = (which) => (guard) => {
    const { look, first, second } = change[which];
    look(guard);
    first();
    second();
  };
  const overTurns = (which) => async (guard) => {
    const { look, first, second } = change[which];
    look(guard);
    first();
    await (random.chance(0.2) ? sleep(random.below(4)) : turn());
    second();
  };
  const withGuard = (which, guard) => {
    atOnce(which)(guard);
    guard.release();
  };
  const within = () => ({ timeout: random.between(0, 8) });
  const unlessLate = async (acquire) => {
    const which = any();
    const guard = await unlessGivenUp(() => acquire(lockOf(which)));
    if (guard === false) return false;
    withGuard(which, guard);
  };
  const steps = {
    withLockSync() {
      const which = any();
      lockOf(which).withLockSync(atOnce(which));
    },
    withLock() {
      const which = any();
      return lockOf(which).withLock(atOnce(which));
    },
    'withLock over turns': () => {
      const which = any();
      return lockOf(which).withLock(overTurns(which));
    },
    acquireSync() {
      const which = any();
      withGuard(which, lockOf(which).acquireSync());
    },
    'acquireSync, timeout': () => unlessLate((one) => one.acquireSync(within())),
    'acquire, timeout': () => unlessLate((one) => one.acquire(within())),
    'acquire, abort': () => unlessLate((one) => aborting(random, (signal) => one.acquire({ signal }))),
    tryAcquire() {
      const which = any();
      const guard = lockOf(which).tryAcquire();
      if (guard === undefined) return false;
      withGuard(which, guard);
    },
    async 'several at once'() {
      const which = any();
      const one = lockOf(which);
      await Promise.all([overTurns, atOnce, overTurns].map((how) => one.withLock(how(which))));
    },
    'close while it holds': () => {
      if (random.chance(0.8)) return false; // most who are told of a death should be told of a real one
      const which = any();
      const one = lockOf(which);
      change[which].look(one.acquireSync());
      change[which].giveUp();
      one.close();
      if (which === 0) lock = Lock.attach(name('lock'));
    },
  };
  return {
    steps,
    close() {
      lock.close();
      value.close();
    },
  };
}
