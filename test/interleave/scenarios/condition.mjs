// Condition: no notification is lost, however those who wait time out, are killed or stopped; none is for two.

const locked = {
  Sync: (condition, fn) => condition.lock.withLockSync(fn),
  promise: (condition, fn) => condition.lock.withLock(fn),
};
const waitFor = {
  Sync: (condition, guard, predicate) => condition.waitForSync(guard, predicate),
  promise: (condition, guard, predicate) => condition.waitFor(guard, predicate),
  'Sync timeout': (condition, guard, predicate) => condition.waitForSync(guard, predicate, { timeout: 5 }),
  'promise timeout': (condition, guard, predicate) => condition.waitFor(guard, predicate, { timeout: 5 }),
};

/** Those who take an item each, and those who put `items` each, with one notification an item. */
const CASES = {
  'Sync takes, one puts': [['Sync'], ['Sync'], 1],
  'promise takes, one puts': [['promise'], ['Sync'], 1],
  'promise takes, promise puts': [['promise'], ['promise'], 1],
  'one takes twice, one puts two': [['Sync'], ['promise'], 2],
  'two take, one puts one': [['Sync', 'promise'], ['Sync'], 1],
  'two take, one puts two': [['Sync', 'promise'], ['Sync'], 2],
  'two take, two put': [['Sync', 'Sync'], ['Sync', 'promise'], 1],
  'two take, one of them with a timeout, one puts two': [['Sync timeout', 'Sync'], ['Sync'], 2],
  'two take, one of them with a timeout, one puts one': [['promise timeout', 'Sync'], ['Sync'], 1],
  'with an RLock: two take, one puts two': [['Sync', 'promise'], ['Sync'], 2],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [takers, putters]]) => [
    name,
    takers.length + putters.length === 2
      ? { bound: 3, crashBound: 2, stopBound: 1, random: 500, most: 15_000, mostCrash: 100 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 1000, most: 10_000, mostCrash: 40 },
  ]),
);

const ITEMS = 0;
const PUT = 1;
const TAKEN = 2;

export default (variant) => {
  const [takers, putters, items] = CASES[variant];
  const lock = variant.includes('RLock') ? 'rlock' : 'lock';
  return {
    actors: [
      ...takers.map((form) => async ({ isthmus, name, scratch }) => {
        const condition = isthmus.Condition.attach(name);
        const take = (guard) => waitFor[form](condition, guard, () => scratch[ITEMS] > 0);
        const taken = () => {
          scratch[ITEMS]--;
          scratch[TAKEN]++;
          return 'taken';
        };
        try {
          for (let times = variant.includes('twice') ? 2 : 1; times > 1; times--)
            locked.Sync(condition, (guard) => {
              take(guard);
              taken();
            });
          if (form.startsWith('Sync'))
            return locked.Sync(condition, (guard) => {
              take(guard);
              return taken();
            });
          return await locked.promise(condition, async (guard) => {
            await take(guard);
            return taken();
          });
        } catch (error) {
          if (error.code !== 'ERR_ISTHMUS_TIMEOUT' || !form.endsWith('timeout')) throw error;
          return 'timeout';
        }
      }),
      ...putters.map((form) => async ({ isthmus, name, scratch }) => {
        const condition = isthmus.Condition.attach(name);
        for (let n = 0; n < items; n++)
          await locked[form](condition, () => {
            scratch[ITEMS]++;
            scratch[PUT]++;
            condition.notify();
          });
        return 'put';
      }),
    ],
    create: ({ Condition }, name) => Condition.create(name, { participants: 5, lock }),
    attach: ({ Condition }, name) => Condition.attach(name),
    words: 4 * (64 + 32 * 5),
    limit: 4000,
    // Nobody watches one that was notified and has not gone on: those who wait look after a second.
    sleepsAfter: () => 4,
    // For items that nobody has put, or whose putter was gone before it notified; for the lock, or the notification, that a
    // stopped one has: it is alive.
    mayWaitForEver: ({ gone, still, scratch }) =>
      scratch[ITEMS] <= 0 || gone >= takers.length || still.length > 0,
    check({ object, values, gone, still, is, scratch }) {
      values.forEach((value, who) => {
        if (who === gone || who >= takers.length) return;
        if (value !== 'taken' && !takers[who].endsWith('timeout')) throw new Error(`actor ${who}: ${value}`);
      });
      if (gone === undefined && scratch[PUT] !== putters.length * items) throw new Error('not all was put');
      if (scratch[ITEMS] + scratch[TAKEN] > scratch[PUT] + 1) throw new Error('an item was taken twice');
      if (still.some((who) => is(who, object.lock.owner))) return;
      object.lock.withLockSync(() => object.notify(0), { timeout: 0 });
    },
  };
};
