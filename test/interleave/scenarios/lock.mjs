// Lock: contention, giving up, deaths with several sleepers. What it protects is plain memory: a lost update shows that two
// held it at once.

const sync = (lock) => lock.acquireSync();
const promise = (lock) => lock.acquire();
const syncFor5 = (lock) => lock.acquireSync({ timeout: 5 });
const promiseFor5 = (lock) => lock.acquire({ timeout: 5 });
/** Aborted one turn of the event loop after the call. */
const aborted = (lock) => {
  const abort = new AbortController();
  setImmediate(() => abort.abort(new Error('enough')));
  return lock.acquire({ signal: abort.signal });
};
const tried = (lock) => lock.tryAcquire();

/** Killed while it holds the lock, in every schedule; another one may be killed as well. */
const dies = (lock) => lock.acquireSync();

const ACTORS = {
  'Sync, Sync': [sync, sync],
  'Sync, promise': [sync, promise],
  'promise, promise': [promise, promise],
  'Sync, Sync, Sync': [sync, sync, sync],
  'Sync, promise, promise': [sync, promise, promise],
  'Sync, Sync timeout': [sync, syncFor5],
  'Sync, promise timeout': [sync, promiseFor5],
  'Sync, aborted, promise': [sync, aborted, promise],
  'Sync, Sync timeout, Sync': [sync, syncFor5, sync],
  'Sync, try, promise': [sync, tried, promise],
  'promise twice, Sync twice': [promise, sync],
  'a holder dies, Sync, Sync': [dies, sync, sync],
  'a holder dies, Sync, promise': [dies, sync, promise],
};

export const variants = Object.fromEntries(
  Object.entries(ACTORS).map(([name, { length }]) => [
    name,
    { bound: length === 2 ? 3 : 2, crashBound: length === 2 ? 2 : 1, random: 500 },
  ]),
);

/** Elements: the count that only the lock protects; and who is inside. */
const COUNT = 0;
const INSIDE = 1;

export default (variant) => ({
  actors: ACTORS[variant].map((acquire) => async ({ isthmus, name, me, die }) => {
    const { lock, view } = isthmus.SharedArray.attach(name);
    const told = [];
    for (let times = variant.includes('twice') ? 2 : 1; times > 0; times--) {
      let guard;
      try {
        guard = await acquire(lock);
      } catch (error) {
        if (error.message !== 'enough' && error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
      }
      if (guard === undefined) continue;
      view[INSIDE + me] = 1;
      if (acquire === dies) die();
      const before = view[COUNT];
      if (!lock.locked) throw new Error('held by nobody'); // several shared steps in which another one could come in
      view[COUNT] = before + 1;
      told.push(guard.abandoned);
      view[INSIDE + me] = 0;
      guard.release();
    }
    return told;
  }),
  create: ({ SharedArray }, name) => SharedArray.create(name, 'f64', 8, { participants: 8 }),
  attach: ({ SharedArray }, name) => SharedArray.attach(name),
  payload: 64,
  check({ object, values, killed }) {
    const first = ACTORS[variant][0] === dies ? 1 : 0; // the one that is always killed
    const done = values.flatMap((told, who) => (who === killed || who < first ? [] : told));
    const count = object.view[COUNT];
    const most = done.length + (killed === undefined ? 0 : 2); // the dead one may have counted, too
    if (count < done.length || count > most)
      throw new Error(`${done.length} changes were made, the count is ${count}`);
    const guard = object.lock.tryAcquire();
    if (guard === undefined) throw new Error('it stays locked');
    const told = done.filter((abandoned) => abandoned).length + (guard.abandoned ? 1 : 0);
    guard.release();
    const deaths = first + (killed === undefined || killed < first ? 0 : 1);
    if (told > deaths) throw new Error(`${told} were told of ${deaths} deaths`);
    // One that is killed later may have been told.
    if (first === 1 && killed === undefined && told === 0) throw new Error('nobody was told of the first death');
    if (killed !== undefined && object.view[INSIDE + killed] === 1 && told === 0)
      throw new Error('the holder died, and nobody was told');
    // Those that neither give up nor only try have got it.
    values.forEach((value, who) => {
      if (
        who !== killed &&
        who >= first &&
        value.length === 0 &&
        /^(sync|promise)$/.test(ACTORS[variant][who].name)
      )
        throw new Error(`actor ${who} never got it`);
    });
  },
});
