// Permits with owners: never more holders alive than permits, and those of the dead come back. In each calm all of them
// can be had at once; whoever gets one that was abandoned has a death, or a handle that was closed, to thank for it.

import { setTimeout as sleep } from 'node:timers/promises';
import { PermitPool } from 'isthmus';
import { check as demand } from '../ledger.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

const PERMITS = 3;
/** A word. 1: nobody is to begin. */
const PAUSE = 1;

const TAKEN = 0; // the kind of operation
/**
 * Own elements. HELD: permits that it certainly has; CHANGED: how often that changed; SINCE: its row's deaths when it
 * came. RISK: permits that it may have. DIED and DIED_HOLDING: RISK and HELD of the dead. CLOSED: permits given up with
 * the handle.
 */
const HELD = 0;
const CHANGED = 1;
const SINCE = 2;
const RISK = 3;
const DIED = 4;
const DIED_HOLDING = 5;
const CLOSED = 6;
const TOLD = 7;
const COMPARED = 8;

export function create({ name }) {
  const pool = PermitPool.create(name('pool'), PERMITS);
  return { pool, close: () => pool.close() };
}

/** Who has how many. A death is counted before it is dealt, so it is read last. */
const snapshot = ({ rows }) =>
  rows.map((row) => [row.own[CHANGED], row.own[HELD], row.own[SINCE], row.deaths]);
const living = (all) => all.reduce((sum, [, held, since, deaths]) => sum + (deaths === since ? held : 0), 0);

export function actor({ name, row, ledger, random, deaths }) {
  let pool = PermitPool.attach(name('pool'));
  row.own[HELD] = 0;
  row.own[SINCE] = deaths;
  const hold = (count) => {
    row.own[HELD] += count;
    row.own[CHANGED]++;
  };
  const enter = ({ abandoned }) => {
    if (abandoned) row.own[TOLD]++;
    hold(1);
    const all = snapshot(ledger);
    const inside = living(all);
    // Nothing moved while we looked twice: they all held at the same time.
    if (snapshot(ledger).join() !== all.join()) return;
    row.own[COMPARED]++;
    demand(inside <= PERMITS, () => `${inside} permits of ${PERMITS} are held: ${all.join('; ')}`);
  };
  const exit = () => {
    hold(-1);
    row.begin(TAKEN);
    row.done(TAKEN);
  };
  const atOnce = (permit) => {
    enter(permit);
    exit();
  };
  const aWhile = async (permit) => {
    enter(permit);
    await sleep(random.below(4));
    exit();
  };
  const with1 = async (acquire, how = atOnce) => {
    const permit = await unlessGivenUp(acquire);
    if (permit === false || permit === undefined) return false;
    await how(permit);
    permit.release();
  };
  /** `most`: permits that it may have at a time. */
  const step = (most, work) => async () => {
    while (Atomics.load(ledger.words, PAUSE) === 1) await sleep(2);
    row.own[RISK] = most;
    const result = await work();
    row.own[RISK] = 0;
    return result;
  };
  const within = () => ({ timeout: random.between(0, 8) });
  const steps = {
    withPermitSync: step(1, () => pool.withPermitSync(atOnce)),
    withPermit: step(1, () => pool.withPermit(atOnce)),
    'withPermit over turns': step(1, () => pool.withPermit(aWhile)),
    'acquireSync, hold over turns': step(1, () => with1(() => pool.acquireSync(), aWhile)),
    'acquireSync, timeout': step(1, () => with1(() => pool.acquireSync(within()))),
    'acquire, timeout': step(1, () => with1(() => pool.acquire(within()), aWhile)),
    'acquire, abort': step(1, () =>
      with1(() => aborting(random, (signal) => pool.acquire({ signal })), aWhile),
    ),
    tryAcquire: step(1, () => with1(() => pool.tryAcquire(), aWhile)),
    'three at once': step(PERMITS, () =>
      Promise.all([aWhile, atOnce, aWhile].map((how) => pool.withPermit(how))),
    ),
    'two, one after the other': step(2, () =>
      pool.withPermit(async (permit) => {
        enter(permit);
        await with1(() => pool.acquire(within()), aWhile);
        exit();
      }),
    ),
    'close while it holds': step(2, () => {
      if (random.chance(0.8)) return false;
      enter(pool.acquireSync());
      const second = pool.tryAcquire();
      if (second !== undefined) enter(second);
      row.own[CLOSED] += row.own[HELD];
      hold(-row.own[HELD]);
      pool.close();
      pool = PermitPool.attach(name('pool'));
    }),
  };
  return { steps, close: () => pool.close() };
}

export function mourn({ own }) {
  own[DIED] += own[RISK];
  own[DIED_HOLDING] += own[HELD];
  own[RISK] = 0;
  own[HELD] = 0;
}

/** Nobody begins any more, so all permits can be had; and then they are free again. */
export async function check({ ledger, books, final, patience }) {
  const { pool } = books;
  const [row] = ledger.rows;
  Atomics.store(ledger.words, PAUSE, 1);
  const permits = [];
  while (permits.length < PERMITS) permits.push(await pool.acquire({ timeout: patience }));
  row.own[TOLD] += permits.filter(({ abandoned }) => abandoned).length;
  const { holders } = pool;
  demand(pool.available === 0, () => `all permits are held, and ${pool.available} available`);
  demand(
    holders.length === 1 && holders[0].pid === process.pid,
    () => `all are ours, but of ${JSON.stringify(holders)}`,
  );
  demand(pool.tryAcquire() === undefined, 'more permits than there are');
  for (const permit of permits) permit.release();
  for (const since = performance.now(); pool.available !== PERMITS; await sleep(5))
    demand(
      performance.now() - since < patience,
      () => `nobody holds a permit, ${pool.available} are available`,
    );
  const told = ledger.own(TOLD);
  const explained = ledger.own(DIED) + ledger.own(RISK) + ledger.own(CLOSED);
  demand(told <= explained, () => `${told} permits were abandoned, ${explained} may have been`);
  Atomics.store(ledger.words, PAUSE, 0);
  if (!final) return;
  const known = ledger.own(DIED_HOLDING) + ledger.own(CLOSED);
  demand(told >= known, `${known} permits were abandoned, only ${told} times somebody was told`);
}

export function counts({ ledger }) {
  return {
    operations: ledger.least(TAKEN),
    'holders counted': ledger.own(COMPARED),
    'abandoned permits': ledger.own(TOLD),
    'closed with the handle': ledger.own(CLOSED),
    'held by the dead': ledger.own(DIED_HOLDING),
  };
}
