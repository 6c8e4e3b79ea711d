// Value.waitFor against those who change the value: Dekker's order, lost wake-ups, deaths between storing and waking.

const wait = {
  Sync: (value, least) => value.waitForSync((now) => now >= least),
  promise: (value, least) => value.waitFor((now) => now >= least),
};

const ACTORS = {
  'Sync waits, one adds': ['Sync', 'add'],
  'promise waits, one adds': ['promise', 'add'],
  'Sync waits for two who add': ['Sync', 'add', 'add'],
  'promise waits for two who add': ['promise', 'add', 'add'],
  'two wait, one adds twice': ['Sync', 'promise', 'add twice'],
  'Sync waits with a timeout, one adds': ['Sync timeout', 'add'],
};

export const variants = Object.fromEntries(
  Object.entries(ACTORS).map(([name, { length }]) => [
    name,
    { bound: length === 2 ? 4 : 3, crashBound: 2, random: 500 },
  ]),
);

export default (variant) => {
  const kinds = ACTORS[variant];
  const total = kinds.reduce((sum, kind) => sum + (kind === 'add' ? 1 : kind === 'add twice' ? 2 : 0), 0);
  return {
    actors: kinds.map((kind) => async ({ isthmus, name }) => {
      const value = isthmus.Value.attach(name);
      if (kind.startsWith('add')) {
        for (let n = kind === 'add' ? 1 : 2; n > 0; n--) value.add(1);
        return 'added';
      }
      if (kind !== 'Sync timeout') return await wait[kind](value, total);
      try {
        return value.waitForSync((now) => now >= total, { timeout: 5 });
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
        return 'timeout';
      }
    }),
    // One who adds and dies before it has leaves the others waiting for a value that never comes.
    sleepsAfterDeath: () => 3,
    mayWaitForEver: ({ object, killed }) => killed !== undefined && object.value < total,
    create: ({ Value }, name) => Value.create(name, 'i32', { participants: 8 }),
    attach: ({ Value }, name) => Value.attach(name),
    payload: 8,
    check({ object, values, killed }) {
      if (object.value !== total && killed === undefined)
        throw new Error(`${object.value} instead of ${total}`);
      values.forEach((value, who) => {
        if (who !== killed && kinds[who] in wait && value !== total)
          throw new Error(`actor ${who} saw ${value}`);
      });
    },
  };
};
