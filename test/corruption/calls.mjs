// Every public call on what synchronises, and what the calls of all kinds share. See kinds.mjs.

/** The package under test: another copy of it for deliberate faults. */
export const DIST = process.env.ISTHMUS_DIST ?? new URL('../../dist', import.meta.url).pathname;

/** Every wait ends: whoever is named in a word may be alive. */
export const WAIT = { timeout: 2 };
export const participants = 4;

/** Throws what no check in the package throws: a wrong answer. */
export function is(type, found) {
  if (typeof found !== type) throw new Error(`a wrong answer: ${String(found)} is no ${type}`);
}

/** Starts waiting, and changes its mind. */
export function abandon(start) {
  const abort = new AbortController();
  const waiting = start({ signal: abort.signal });
  setImmediate(() => abort.abort());
  return waiting;
}

export const turn = () => new Promise(setImmediate);
const released = (guard) => guard.release();

export const LOCK_CALLS = [
  (lock) => is('boolean', lock.locked),
  (lock) => is('number', (lock.owner ?? { pid: 0 }).pid),
  (lock) => lock.tryAcquire()?.release(),
  (lock) => lock.acquireSync(WAIT).release(),
  async (lock) => (await lock.acquire(WAIT)).release(),
  (lock) => lock.withLockSync((guard) => is('boolean', guard.abandoned), WAIT),
  (lock) => lock.withLock(async (guard) => is('boolean', guard.held), WAIT),
  (lock) => abandon((wait) => lock.acquire(wait)).then((guard) => guard.release()),
  (lock) => void lock.tryAcquire(), // and keeps it until the handle is closed
];

export const RLOCK_CALLS = [
  ...LOCK_CALLS,
  (lock) => is('number', lock.depth ?? 0), // a Lock, if a condition's schema says so by now
  (lock) => lock.withLockSync(() => lock.withLockSync(() => is('number', lock.depth), WAIT), WAIT),
  (lock) => lock.withLockSync(() => lock.tryAcquire()?.release(), WAIT),
  (lock) => lock.withLock(() => lock.withLock(async (guard) => is('boolean', guard.held), WAIT), WAIT),
  (lock) => lock.withLock(() => lock.acquireSync(WAIT).release(), WAIT),
  (lock) => lock.withLock(turn, WAIT),
];

export const POOL_CALLS = [
  (pool) => is('number', pool.permits + pool.available),
  (pool) => pool.holders.forEach(({ pid }) => void is('number', pid)),
  (pool) => pool.tryAcquire()?.release(),
  (pool) => pool.acquireSync(WAIT).release(),
  (pool) => pool.acquire(WAIT).then(released),
  (pool) => pool.withPermitSync((permit) => is('boolean', permit.abandoned), WAIT),
  (pool) =>
    pool.withPermitSync(() => pool.withPermitSync((permit) => is('boolean', permit.held), WAIT), WAIT),
  (pool) => pool.withPermit(turn, WAIT),
  (pool) => pool.withPermit(() => pool.withPermit(turn, WAIT), WAIT),
  (pool) => abandon((wait) => pool.acquire(wait)).then(released),
  (pool) => void pool.tryAcquire(),
  (pool) => void pool.ref().unref(),
];

export const RWLOCK_CALLS = [
  (lock) =>
    lock.read.withLockSync(() => lock.read.withLockSync((guard) => is('boolean', guard.held), WAIT), WAIT),
  (lock) => lock.read.withLock(() => lock.read.withLock(turn, WAIT), WAIT),
  (lock) => lock.read.withLock(() => lock.write.acquire(WAIT), WAIT),
  (lock) => lock.write.withLock(() => lock.read.tryAcquire(), WAIT),
  (lock) => lock.write.withLock(turn, WAIT),
  // A reader behind a writer of its own that is next, and behind one that writes.
  (lock) => {
    const writing = lock.write.acquire(WAIT).then(released);
    const reading = lock.read.acquire(WAIT).then(released);
    try {
      lock.read.acquireSync(WAIT).release();
    } finally {
      writing.catch(() => {});
      reading.catch(() => {});
    }
    return Promise.all([writing, reading]);
  },
  (lock) => void lock.ref().unref(),
];

export const EVENT_CALLS = [
  (event) => is('boolean', event.isSet),
  (event) => event.set(),
  (event) => event.clear(),
  (event) => event.waitSync(WAIT),
  (event) => event.wait(WAIT),
  (event) => abandon((wait) => event.wait(wait)),
  async (event) => {
    const waiting = event.wait({ timeout: 1000 });
    event.set();
    event.clear();
    await waiting;
  },
  (event) => void event.ref().unref(),
];

/** Taking the lock back has no timeout. Closing the lock's handle ends it. */
async function ended({ lock }, wait) {
  const stuck = setTimeout(() => lock.close(), 300);
  try {
    return await lock.withLock(wait, WAIT);
  } finally {
    clearTimeout(stuck);
  }
}

export const CONDITION_CALLS = [
  (condition) => condition.lock.withLockSync((guard) => condition.waitSync(guard, WAIT), WAIT),
  (condition) => condition.lock.withLockSync((guard) => condition.waitForSync(guard, () => true, WAIT), WAIT),
  (condition) =>
    condition.lock.withLockSync((guard) => condition.waitForSync(guard, () => false, WAIT), WAIT),
  (condition) => ended(condition, (guard) => condition.wait(guard, WAIT)),
  (condition) => ended(condition, (guard) => condition.waitFor(guard, () => true, WAIT)),
  (condition) => ended(condition, (guard) => condition.waitFor(guard, () => false, WAIT)),
  (condition) => ended(condition, (guard) => abandon((wait) => condition.wait(guard, wait))),
  // What holds the lock across a turn may find it overwritten.
  (condition) => ended(condition, async (guard) => condition.waitSync(guard, await turn().then(() => WAIT))),
  (condition) => ended(condition, async () => is('number', condition.notify(await turn().then(() => 2)))),
  (condition) => condition.lock.withLockSync(() => is('number', condition.notify()), WAIT),
  (condition) => condition.lock.withLockSync(() => is('number', condition.notifyAll()), WAIT),
  (condition) => condition.notify(),
  async (condition) => {
    const waits = [1, 2].map(() => ended(condition, (guard) => condition.wait(guard, WAIT)));
    await Promise.all([...waits, ended(condition, () => condition.notifyAll())]);
  },
  (condition) => void condition.ref().unref(),
];

function index(found, { parties }) {
  if (!(found >= 0 && found < parties)) throw new Error(`a wrong answer: ${found} of ${parties}`);
}

export const BARRIER_CALLS = [
  (barrier) => is('number', barrier.parties + barrier.waiting),
  (barrier) => is('boolean', barrier.broken),
  (barrier) => index(barrier.waitSync(WAIT), barrier),
  async (barrier) => index(await barrier.wait(WAIT), barrier),
  async (barrier) => {
    for (const found of await Promise.all([barrier.wait(WAIT), barrier.wait(WAIT)])) index(found, barrier);
  },
  (barrier) => {
    const first = barrier.wait(WAIT);
    first.catch(() => {});
    index(barrier.waitSync(WAIT), barrier);
    return first;
  },
  (barrier) => abandon((wait) => barrier.wait(wait)),
  (barrier) => barrier.abort(),
  (barrier) => barrier.reset(),
  (barrier) => void barrier.ref().unref(),
];
