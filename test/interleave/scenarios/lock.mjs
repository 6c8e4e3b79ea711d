// Lock: contention, giving up against a release. What it protects is plain memory: a lost update shows that two held it at
// once. Deaths and stops are in lock-deaths.mjs, which uses the same actors and the same check.

/** `must`: it neither gives up nor only tries, so it has to get the lock in the end. */
export const sync = { acquire: (lock) => lock.acquireSync(), must: true };
export const promise = { acquire: (lock) => lock.acquire(), must: true };
const syncFor5 = { acquire: (lock) => lock.acquireSync({ timeout: 5 }) };
const promiseFor5 = { acquire: (lock) => lock.acquire({ timeout: 5 }) };
/** Aborted one turn of the event loop after the call. */
const aborted = {
  acquire: (lock) => {
    const abort = new AbortController();
    setImmediate(() => abort.abort(new Error('enough')));
    return lock.acquire({ signal: abort.signal });
  },
};
const tried = { acquire: (lock) => lock.tryAcquire() };

const ACTORS = {
  'Sync, Sync': [sync, sync],
  'Sync, promise': [sync, promise],
  'promise, promise': [promise, promise],
  'Sync, Sync, Sync': [sync, sync, sync],
  'Sync, promise, promise': [sync, promise, promise],
  'of a Value: Sync, promise': [sync, promise],
  'promise twice, Sync twice': [promise, sync],
  'timeout against release: Sync, Sync timeout': [sync, syncFor5],
  'timeout against release: Sync, promise timeout': [sync, promiseFor5],
  'timeout against release: Sync, Sync timeout, Sync': [sync, syncFor5, sync],
  'cancel against release: Sync, aborted, promise': [sync, aborted, promise],
  'Sync, try, promise': [sync, tried, promise],
};

export const variants = Object.fromEntries(
  Object.entries(ACTORS).map(([name, { length }]) => [
    name,
    length === 2
      ? { bound: 3, crashBound: 2, stopBound: 2, random: 500, mostCrash: 120 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 500, mostCrash: 120 },
  ]),
);

export default (variant) => lockScenario(variant, ACTORS[variant]);

/** Elements: the count that only the lock protects; who is inside; how often each was told of a death. */
const COUNT = 0;
const INSIDE = 1;
const TOLD = 5;

/** The plain memory beside the lock. A Value has none: two atomic operations take its place, and only the count counts. */
const memoryOf = (object) =>
  object.view ?? {
    get 0() {
      return object.value;
    },
    set 0(count) {
      object.value = count;
    },
  };

/**
 * @param {{ acquire, must?, inside?, fate? }[]} actors  `inside`: 'dies' or 'stops' once it has the lock; `fate`: see
 *   Scheduler
 */
export function lockScenario(variant, actors) {
  const times = variant.includes('twice') ? 2 : 1;
  const type = variant.includes('of a Value') ? 'Value' : 'SharedArray';
  return {
    actors: actors.map(({ acquire, inside, fate }) => async ({ isthmus, name, me, die, strike }) => {
      strike(fate);
      const object = isthmus[type].attach(name);
      const { lock } = object;
      const view = memoryOf(object);
      let done = 0;
      for (let n = 0; n < times; n++) {
        let guard;
        try {
          guard = await acquire(lock);
        } catch (error) {
          if (error.message !== 'enough' && error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
        }
        if (guard === undefined) continue;
        if (guard.abandoned) view[TOLD + me]++;
        view[INSIDE + me] = 1;
        if (inside === 'dies') die();
        if (inside === 'stops') strike({ before: 'load', stop: true });
        const before = view[COUNT];
        if (!lock.locked) throw new Error('held by nobody'); // several shared steps in which another one could come in
        view[COUNT] = before + 1;
        done++;
        view[INSIDE + me] = 0;
        guard.release();
      }
      return done;
    }),
    create: (isthmus, name) =>
      type === 'Value'
        ? isthmus.Value.create(name, 'f64', { participants: 8 })
        : isthmus.SharedArray.create(name, 'f64', 16, { participants: 8 }),
    attach: (isthmus, name) => isthmus[type].attach(name),
    payload: type === 'Value' ? 8 : 128,
    // A stopped holder is alive: nobody takes its lock.
    mayWaitForEver: ({ object, still, is }) => still.some((who) => is(who, object.lock.owner)),
    check({ object, values, dead, still, is }) {
      const gone = (who) => dead.includes(who) || still.includes(who);
      const view = memoryOf(object);
      const done = values.reduce((sum, value, who) => sum + (gone(who) ? 0 : value), 0);
      const most = done + times * (dead.length + still.length); // they may have counted, too
      if (view[COUNT] < done || view[COUNT] > most)
        throw new Error(`${done} changes were made, the count is ${view[COUNT]}`);
      values.forEach((value, who) => {
        if (!gone(who) && actors[who].must && value < times) throw new Error(`actor ${who} never got it`);
      });
      const guard = object.lock.tryAcquire();
      if (guard === undefined) {
        if (still.some((who) => is(who, object.lock.owner))) return;
        throw new Error('it stays locked');
      }
      const last = guard.abandoned ? 1 : 0;
      guard.release();
      if (type === 'Value') return;
      const told = view.slice(TOLD, TOLD + actors.length).reduce((sum, one) => sum + one, last);
      if (told > dead.length) throw new Error(`${told} were told of ${dead.length} deaths`);
      const inside = dead.filter((who) => view[INSIDE + who] === 1).length;
      if (told < inside) throw new Error(`${inside} holders died, ${told} were told`);
    },
  };
}
