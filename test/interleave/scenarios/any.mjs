// waitAny: a Value and its lock, two words of one object. Whatever makes one of them ready ends the wait, and says which.

const wait = {
  Sync: ({ isthmus, objects }) => isthmus.waitAnySync(objects),
  promise: ({ isthmus, objects }) => isthmus.waitAny(objects),
};

/** What the other one does, holding the lock; it keeps it while somebody waits, unless it gives it back. */
const act = {
  // Again and again: a wait that begins late waits for a change that comes later. But only while they get on: a wait that
  // sleeps through a change is not helped by the next one.
  adds: ({ value, until, done }) =>
    until(() => {
      if (done()) return true;
      value.add(1);
      return false;
    }),
  'adds once': ({ value, until, began }) => {
    until(began);
    value.add(1);
  },
  'touches and adds once': ({ value, until, began }) => {
    until(began);
    value.exchange(0); // wakes, and is no change
    value.add(1);
  },
  'lets go': ({ guard }) => guard.release(),
  'adds and lets go': ({ value, guard }) => {
    value.add(1);
    guard.release();
  },
  dies: ({ value, until, began, die }) => {
    until(began);
    value.value; // a step: they may be asleep by then
    die();
  },
};

/** Only a promise form can say that it has begun. */
const CASES = Object.fromEntries(
  Object.keys(act).flatMap((what) => {
    const promise = [`promise waits, one ${what}`, [['promise'], what]];
    if (what.includes('once')) return [promise];
    return [
      promise,
      [`Sync waits, one ${what}`, [['Sync'], what]],
      [`two wait, one ${what}`, [['Sync', 'promise'], what]],
    ];
  }),
);

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [waiters]]) => [
    name,
    waiters.length === 1
      ? { bound: 3, crashBound: 2, stopBound: 1, random: 300, most: 6000, mostCrash: 100 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 300, most: 6000, mostCrash: 60 },
  ]),
);

/** In the scratch memory. */
const HELD = 0;
const BEGAN = 4;
const DONE = 8;

export default (variant) => {
  const [waiters, what] = CASES[variant];
  const other = waiters.length;
  const until = ({ now, pause }, holds) => {
    for (;;) {
      const before = now();
      if (holds()) return;
      pause(before);
    }
  };
  return {
    actors: [
      ...waiters.map((form) => async (context) => {
        const { isthmus, name, me, scratch, isDead } = context;
        const value = isthmus.Value.attach(name);
        const objects = [value, value.lock];
        until(context, () => scratch[HELD] === 1 || isDead(other));
        if (form === 'Sync') scratch[BEGAN + me] = 1; // begins now
        const waiting = wait[form]({ isthmus, objects });
        scratch[BEGAN + me] = 1;
        const ready = await waiting;
        scratch[DONE + me] = 1;
        return ready.map((one) => (one === value ? 'value' : 'lock')).join();
      }),
      async (context) => {
        const { isthmus, name, scratch, isDead } = context;
        const value = isthmus.Value.attach(name);
        const guard = value.lock.acquireSync();
        scratch[HELD] = 1;
        const all = (where) => () => waiters.every((_, who) => scratch[where + who] === 1 || isDead(who));
        const [began, done] = [all(BEGAN), all(DONE)];
        act[what]({ ...context, value, guard, began, done, until: (holds) => until(context, holds) });
        if (guard.held) until(context, done);
        if (guard.held) guard.release();
        return 'done';
      },
    ],
    create: ({ Value }, name) => Value.create(name, 'i32', { participants: 5 }),
    attach: ({ Value }, name) => Value.attach(name),
    // One that is killed between changing the value and waking has changed it: the sleepers notice within a second.
    sleepsAfter: () => 2,
    mayWaitForEver: ({ stopped }) => stopped !== undefined,
    check({ object, values, gone, still }) {
      values.forEach((value, who) => {
        if (who === other || who === gone) return;
        if (value === undefined || value === '') throw new Error(`actor ${who}: ${value}`);
        // Unless it died, or the wait began late.
        if (gone === undefined && (what === 'lets go' || what === 'dies') && value !== 'lock')
          throw new Error(`actor ${who}: ${value}`);
      });
      if (still.length === 0) object.lock.acquireSync({ timeout: 0 }).release();
    },
  };
};
