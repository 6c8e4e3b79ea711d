// RLock: taken again by whoever may, by nobody else; gone after the last release, or death at any depth.

/** Changes the count in two steps between which another one could come in. */
const change = ({ scratch, lock }) => {
  const before = scratch[0];
  if (!lock.locked) throw new Error('held by nobody');
  scratch[0] = before + 1;
};

const enter = {
  'Sync, two levels': (context) =>
    context.lock.withLockSync((guard) => {
      context.told(guard);
      context.lock.withLockSync(() => change(context));
    }),
  'promise, two levels': (context) =>
    context.lock.withLock(async (guard) => {
      context.told(guard);
      await context.lock.withLock(() => change(context));
    }),
  'promise, a Sync level inside': (context) =>
    context.lock.withLock((guard) => {
      context.told(guard);
      context.lock.acquireSync().release();
      change(context);
    }),
  /** Two flows of one actor: they exclude each other. */
  'two flows': (context) =>
    Promise.all(
      [1, 2].map(() =>
        context.lock.withLock(async (guard) => {
          context.told(guard);
          const before = context.scratch[0];
          await context.lock.withLock(() => undefined);
          context.scratch[0] = before + 1;
        }),
      ),
    ),
  'dies at the second level': (context) =>
    context.lock.withLockSync(() => {
      context.lock.acquireSync();
      context.die();
    }),
};

const CASES = {
  'Sync, Sync': ['Sync, two levels', 'Sync, two levels'],
  'Sync, promise': ['Sync, two levels', 'promise, two levels'],
  'promise, promise': ['promise, two levels', 'promise, a Sync level inside'],
  'two flows, Sync': ['two flows', 'Sync, two levels'],
  'Sync, promise, Sync': ['Sync, two levels', 'promise, a Sync level inside', 'Sync, two levels'],
  'a holder dies at the second level: Sync': ['dies at the second level', 'Sync, two levels'],
  'a holder dies at the second level: promise, Sync': [
    'dies at the second level',
    'promise, two levels',
    'Sync, two levels',
  ],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, { length }]) => [
    name,
    length === 2
      ? { bound: 3, crashBound: 2, stopBound: 1, random: 500, most: 12_000, mostCrash: 100 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 500, most: 12_000, mostCrash: 60 },
  ]),
);

export default (variant) => ({
  actors: CASES[variant].map((what) => async ({ isthmus, name, die, scratch }) => {
    const lock = isthmus.RLock.attach(name);
    let abandoned = 0;
    const told = (guard) => {
      if (guard.abandoned) abandoned++;
    };
    await enter[what]({ lock, die, scratch, told });
    if (lock.depth !== 0) throw new Error(`its depth is ${lock.depth} after the last release`);
    return { done: what === 'two flows' ? 2 : 1, abandoned };
  }),
  create: ({ RLock }, name) => RLock.create(name, { participants: 5 }),
  attach: ({ RLock }, name) => RLock.attach(name),
  mayWaitForEver: ({ object, still, is }) => still.some((who) => is(who, object.owner)),
  check({ object, values, dead, still, is, scratch }) {
    const done = values.reduce((sum, value) => sum + (value?.done ?? 0), 0);
    const most = done + 2 * (dead.length + still.length); // those who are gone may have counted, too
    if (scratch[0] < done || scratch[0] > most)
      throw new Error(`${done} changes were made, the count is ${scratch[0]}`);
    if (still.some((who) => is(who, object.owner))) return;
    const guard = object.tryAcquire();
    if (guard === undefined) throw new Error('it stays locked');
    const told = values.reduce((sum, value) => sum + (value?.abandoned ?? 0), guard.abandoned ? 1 : 0);
    guard.release();
    if (told > dead.length) throw new Error(`${told} were told of ${dead.length} deaths`);
  },
});
