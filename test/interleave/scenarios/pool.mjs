// PermitPool: never more inside than permits, permits of the dead come back, nobody is held up who could have one.

const get = {
  Sync: (pool) => pool.acquireSync(),
  promise: (pool) => pool.acquire(),
  'Sync timeout': (pool) => pool.acquireSync({ timeout: 5 }),
  'promise timeout': (pool) => pool.acquire({ timeout: 5 }),
  try: (pool) => pool.tryAcquire(),
};

/** Permits, and what the actors do; `dies`: with a permit, in every schedule. */
const CASES = {
  'one permit: Sync, Sync': [1, ['Sync', 'Sync']],
  'one permit: Sync, promise': [1, ['Sync', 'promise']],
  'one permit: promise, promise': [1, ['promise', 'promise']],
  'one permit: Sync, Sync timeout': [1, ['Sync', 'Sync timeout']],
  'one permit: Sync, promise timeout': [1, ['Sync', 'promise timeout']],
  'one permit: Sync, Sync, promise': [1, ['Sync', 'Sync', 'promise']],
  'two permits: Sync, Sync, promise': [2, ['Sync', 'Sync', 'promise']],
  'two permits: promise, try, Sync': [2, ['promise', 'try', 'Sync']],
  'one permit, its holder dies: Sync, promise': [1, ['dies', 'Sync', 'promise']],
  'two permits, both holders die: Sync': [2, ['dies', 'dies', 'Sync']],
  'two permits, both holders die: promise': [2, ['dies', 'dies', 'promise']],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [, { length }]]) => [
    name,
    length === 2
      ? { bound: 3, crashBound: 2, stopBound: 1, random: 500, most: 12_000, mostCrash: 100 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 500, most: 12_000, mostCrash: 60 },
  ]),
);

/** In the scratch memory: who is inside; the most there were. */
const INSIDE = 8;
const MOST = 0;

export default (variant) => {
  const [permits, forms] = CASES[variant];
  return {
    actors: forms.map((form) => async ({ isthmus, name, me, die, scratch, isDead }) => {
      const pool = isthmus.PermitPool.attach(name);
      let permit;
      try {
        permit = await (get[form] ?? get.Sync)(pool);
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
      }
      if (permit === undefined) return { got: false };
      scratch[INSIDE + me] = 1;
      if (form === 'dies') die();
      const inside = forms.filter((_, who) => scratch[INSIDE + who] === 1 && !isDead(who)).length;
      scratch[MOST] = Math.max(scratch[MOST], inside);
      if (pool.available >= permits) throw new Error('nobody has a permit');
      const { abandoned } = permit;
      scratch[INSIDE + me] = 0;
      permit.release();
      return { got: true, abandoned };
    }),
    create: ({ PermitPool }, name) => PermitPool.create(name, permits, { participants: 5 }),
    attach: ({ PermitPool }, name) => PermitPool.attach(name),
    // Sleepers watch those who have the permits; one that releases and dies before it wakes them has none any more.
    sleepsAfter: () => 2,
    mayWaitForEver: ({ object, still, is }) =>
      still.some((who) => object.holders.some((holder) => is(who, holder))),
    check({ object, values, dead, still, is, scratch }) {
      if (scratch[MOST] > permits) throw new Error(`${scratch[MOST]} were inside, ${permits} may be`);
      const kept = still.filter((who) => object.holders.some((holder) => is(who, holder))).length;
      if (object.available !== permits - kept)
        throw new Error(`${object.available} permits are left of ${permits}, ${kept} are taken`);
      const guards = Array.from({ length: permits - kept }, () => object.tryAcquire());
      if (guards.includes(undefined)) throw new Error('a permit is lost');
      if (object.tryAcquire() !== undefined) throw new Error('there is a permit too many');
      const told =
        guards.filter(({ abandoned }) => abandoned).length + values.filter((one) => one?.abandoned).length;
      for (const guard of guards) guard.release();
      if (told > dead.length) throw new Error(`${told} were told of ${dead.length} deaths`);
      const gone = (who) => dead.includes(who) || still.includes(who);
      values.forEach((value, who) => {
        if (/^(Sync|promise)$/.test(forms[who]) && !gone(who) && !value.got)
          throw new Error(`actor ${who} never got a permit`);
      });
    },
  };
};
