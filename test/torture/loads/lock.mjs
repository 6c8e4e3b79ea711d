// Locked changes in two steps: 1 to what all have counted together, then 1 to the holder's own account. Whoever finds
// the one without the other must have been told that the holder before it died (guard.abandoned).

import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { Lock, Value } from 'isthmus';
import { check as demand } from '../ledger.mjs';

/** Two locks: a Lock, and a Value's. Operations of the kinds 0 and 1. */
const LOCKS = 2;
export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

/** Of the common elements, for each lock: the count, who is inside, how many half-made changes were mended. */
const TOTAL = 8;
const INSIDE = 10;
const MENDED = 12;

/** Of a row. TOLD: guards that were abandoned. GAVE_UP: times that it closed the lock it held. */
const TOLD = 0;
const GAVE_UP = 1;
/** For each lock: 1 while it is certain that it holds it; how often it died so. */
const HOLDS = 2;
const DIED_HOLDING = 4;

const isGivenUp = ({ code, name }) => code === 'ERR_ISTHMUS_TIMEOUT' || name === 'AbortError';

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

/** The two steps of a change, and what a new holder looks at before it. */
function changes({ row, ledger, random }, which) {
  const { common } = ledger;
  const inside = () =>
    demand(
      common[INSIDE + which] === row.index,
      () => `two hold lock ${which}: row ${row.index} finds row ${common[INSIDE + which]}`,
    );
  return {
    look({ abandoned }) {
      if (abandoned) row.own[TOLD]++;
      row.own[HOLDS + which] = 1;
      common[INSIDE + which] = row.index;
      const total = common[TOTAL + which];
      const sum = ledger.least(which);
      if (total === sum) return;
      demand(
        abandoned && total === sum + 1,
        () => `lock ${which}: ${total} counted, ${sum} in the accounts, abandoned: ${abandoned}`,
      );
      common[MENDED + which]++;
      common[TOTAL + which] = sum;
    },
    first() {
      row.begin(which);
      common[TOTAL + which]++;
      for (let work = random.below(30_000); work > 0; work--) inside(); // time to die between the two
    },
    second() {
      inside();
      row.done(which);
      row.own[HOLDS + which] = 0;
    },
  };
}

export function actor(context) {
  const { name, random, row } = context;
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
  const unlessGivenUp = async (acquire) => {
    const which = any();
    try {
      withGuard(which, await acquire(lockOf(which)));
    } catch (error) {
      if (!isGivenUp(error)) throw error;
      return false;
    }
  };
  const aborting = async (acquire) => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), random.between(0, 8));
    const got = await unlessGivenUp((one) => acquire(one, controller.signal));
    clearTimeout(timer);
    return got;
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
    'acquireSync, timeout': () => unlessGivenUp((one) => one.acquireSync(within())),
    'acquire, timeout': () => unlessGivenUp((one) => one.acquire(within())),
    'acquire, abort': () => aborting((one, signal) => one.acquire({ signal })),
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
      row.own[HOLDS + which] = 0;
      row.own[GAVE_UP]++;
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

/** An actor is gone: by a kill, or in good order and then holding nothing. */
export function mourn(row) {
  for (let which = 0; which < LOCKS; which++) {
    if (row.own[HOLDS + which] === 0) continue;
    row.own[HOLDS + which] = 0;
    row.own[DIED_HOLDING + which]++;
  }
}

export async function check({ ledger, books, final, patience }) {
  const [row] = ledger.rows;
  for (let which = 0; which < LOCKS; which++) {
    const guard = await books.locks[which].acquire({ timeout: patience });
    changes({ row, ledger }, which).look(guard);
    row.own[HOLDS + which] = 0;
    guard.release();
  }
  // The deaths are counted beforehand, so there may be more of them than anybody was told of.
  const told = ledger.own(TOLD);
  const explained = ledger.deaths + ledger.own(GAVE_UP);
  demand(told <= explained, `${told} guards were abandoned, ${explained} deaths explain it`);
  if (!final) return;
  const known = ledger.own(DIED_HOLDING) + ledger.own(DIED_HOLDING + 1) + ledger.own(GAVE_UP);
  demand(told >= known, `${known} holders died, only ${told} times somebody was told`);
  const open = ledger.most(0) + ledger.most(1) - ledger.least(0) - ledger.least(1);
  demand(open <= ledger.deaths, `${open} changes not finished, ${ledger.deaths} deaths`);
}

export function counts({ ledger }) {
  return {
    operations: ledger.least(0) + ledger.least(1),
    'abandoned guards': ledger.own(TOLD),
    'closed while they held': ledger.own(GAVE_UP),
    'half-made changes mended': ledger.common[MENDED] + ledger.common[MENDED + 1],
    'not finished': ledger.most(0) + ledger.most(1) - ledger.least(0) - ledger.least(1),
  };
}
