// Waits for a value against everything that changes it: Dekker's order, lost wake-ups, deaths between storing and waking,
// waiters that are killed or stopped once they were woken.

const wait = {
  Sync: (value, least) => value.waitForSync((now) => now >= least),
  promise: (value, least) => value.waitFor((now) => now >= least),
  'Sync timeout': (value, least) => value.waitForSync((now) => now >= least, { timeout: 5 }),
  'promise timeout': (value, least) => value.waitFor((now) => now >= least, { timeout: 5 }),
};
/** Each takes the value from n - 1 to n. */
const change = {
  adds: (value) => value.add(1),
  stores: (value, n) => {
    value.value = n;
  },
  exchanges: (value, n) => value.exchange(n),
  'compares and exchanges': (value, n) => value.compareExchange(n - 1, n),
  updates: (value) => value.update((before) => before + 1),
};

/** What the waiters do; what the writers do; how often; whether it is an element of a SharedArray. */
const CASES = {
  'Sync waits, one adds': [['Sync'], ['adds'], 1],
  'promise waits, one adds': [['promise'], ['adds'], 1],
  'Sync waits, one stores': [['Sync'], ['stores'], 1],
  'promise waits, one stores': [['promise'], ['stores'], 1],
  'Sync waits, one exchanges': [['Sync'], ['exchanges'], 1],
  'promise waits, one exchanges': [['promise'], ['exchanges'], 1],
  'Sync waits, one compares and exchanges': [['Sync'], ['compares and exchanges'], 1],
  'promise waits, one compares and exchanges': [['promise'], ['compares and exchanges'], 1],
  'promise waits, one updates twice': [['promise'], ['updates'], 2],
  'Sync waits for two who add': [['Sync'], ['adds', 'adds'], 1],
  'promise waits for two who add': [['promise'], ['adds', 'adds'], 1],
  'Sync waits for two who compare and exchange': [['Sync'], ['updates', 'updates'], 1],
  'two wait, one adds twice': [['Sync', 'promise'], ['adds'], 2],
  'two wait, one stores twice': [['Sync', 'Sync'], ['stores'], 2],
  'Sync waits with a timeout, one adds': [['Sync timeout'], ['adds'], 1],
  'promise waits with a timeout, one stores': [['promise timeout'], ['stores'], 1],
  'of an array: Sync waits, one stores': [['Sync'], ['stores'], 1],
  'of an array: promise waits, one adds twice': [['promise'], ['adds'], 2],
  'of an array: two wait, one stores': [['promise', 'Sync'], ['stores'], 1],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [waiters, writers]]) => [
    name,
    {
      bound: waiters.length + writers.length === 2 ? 4 : 3,
      crashBound: 2,
      stopBound: 2,
      random: 500,
      most: 12_000,
      mostCrash: 150,
    },
  ]),
);

/** Element 1 of an array, used as a Value is. */
const elementOf = (array) => ({
  add: (amount) => array.add(1, amount),
  waitFor: (predicate, options) => array.waitFor(1, predicate, options),
  waitForSync: (predicate, options) => array.waitForSync(1, predicate, options),
  get value() {
    return array.at(1);
  },
  set value(value) {
    array.set(1, value);
  },
});

export default (variant) => {
  const [waiters, writers, times] = CASES[variant];
  const total = writers.length * times;
  const type = variant.startsWith('of an array') ? 'SharedArray' : 'Value';
  const cellOf = (object) => (type === 'Value' ? object : elementOf(object));
  const waits = (who) => who < waiters.length;
  return {
    actors: [
      ...waiters.map((form) => async ({ isthmus, name }) => {
        const value = cellOf(isthmus[type].attach(name));
        try {
          return await wait[form](value, total);
        } catch (error) {
          if (error.code !== 'ERR_ISTHMUS_TIMEOUT' || !form.endsWith('timeout')) throw error;
          return 'timeout';
        }
      }),
      ...writers.map((kind) => async ({ isthmus, name }) => {
        const value = cellOf(isthmus[type].attach(name));
        for (let n = 1; n <= times; n++) change[kind](value, n);
      }),
    ],
    // Who changes the value and is gone before it has woken: the others look again within a second. A waiter that is gone
    // holds up nobody.
    sleepsAfter: ({ actor }) => (waits(actor) ? 0 : 3),
    // One that is gone before it has changed it leaves the others waiting for a value that never comes.
    mayWaitForEver: ({ object, gone }) => gone !== undefined && !waits(gone) && cellOf(object).value < total,
    create: (isthmus, name) =>
      type === 'Value'
        ? isthmus.Value.create(name, 'i32', { participants: 8 })
        : isthmus.SharedArray.create(name, 'i32', 4, { participants: 8 }),
    attach: (isthmus, name) => isthmus[type].attach(name),
    payload: 16,
    check({ object, values, gone }) {
      const { value: now } = cellOf(object);
      if (now !== total && (gone === undefined || waits(gone))) throw new Error(`${now} instead of ${total}`);
      waiters.forEach((form, who) => {
        if (who === gone || (form.endsWith('timeout') && values[who] === 'timeout')) return;
        if (values[who] !== total) throw new Error(`actor ${who} saw ${values[who]}`);
      });
    },
  };
};
