// Barrier: everybody or nobody passes; a party that dies, gives up or aborts breaks it for those who wait.

const wait = {
  Sync: (barrier) => barrier.waitSync(),
  promise: (barrier) => barrier.wait(),
  'Sync timeout': (barrier) => barrier.waitSync({ timeout: 5 }),
  'promise timeout': (barrier) => barrier.wait({ timeout: 5 }),
};

/** Parties, rounds, what the actors do; with an action or not. */
const CASES = {
  'two, one round: Sync, Sync': [2, 1, ['Sync', 'Sync']],
  'two, one round: Sync, promise': [2, 1, ['Sync', 'promise']],
  'two, two rounds: Sync, Sync': [2, 2, ['Sync', 'Sync']],
  'two, two rounds: promise, promise': [2, 2, ['promise', 'promise']],
  'two, two rounds, with an action: Sync, promise': [2, 2, ['Sync', 'promise']],
  'three, two rounds: Sync, Sync, promise': [3, 2, ['Sync', 'Sync', 'promise']],
  'two, one with a timeout: Sync': [2, 1, ['Sync', 'Sync timeout']],
  'two, one with a timeout: promise': [2, 1, ['promise', 'promise timeout']],
  'two, one aborts': [2, 1, ['Sync', 'promise', 'aborts']],
  'two, one resets': [2, 1, ['Sync', 'promise', 'resets']],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [, , { length }]]) => [
    name,
    length === 2
      ? { bound: 3, crashBound: 2, stopBound: 1, random: 500, most: 15_000, mostCrash: 100 }
      : { bound: 2, crashBound: 1, stopBound: 1, random: 1000, most: 10_000, mostCrash: 60 },
  ]),
);

const ACTED = 0;
const PASSED = 1;

export default (variant) => {
  const [parties, rounds, kinds] = CASES[variant];
  const acts = variant.includes('action');
  const waits = (who) => kinds[who] in wait;
  return {
    actors: kinds.map((kind) => async ({ isthmus, name, scratch }) => {
      const action = acts
        ? () => {
            scratch[ACTED]++;
          }
        : undefined;
      const barrier = isthmus.Barrier.attach(name, { action });
      if (kind === 'aborts') return barrier.abort();
      if (kind === 'resets') return barrier.reset();
      const passed = [];
      try {
        for (let round = 0; round < rounds; round++) {
          passed.push(await wait[kind](barrier));
          scratch[PASSED]++;
        }
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_BROKEN_BARRIER' && error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
        passed.push(error.code);
      }
      return passed;
    }),
    create: ({ Barrier }, name) => Barrier.create(name, parties, { participants: 5 }),
    attach: ({ Barrier }, name) => Barrier.attach(name),
    words: 4 * (32 + 32 * 5),
    // One that dies before the others know that it is a party is noticed when they look again.
    sleepsAfter: () => 2,
    // One that never came is no party: the others wait for another one. So they do after a reset.
    mayWaitForEver: ({ object, gone, still, scratch }) =>
      (gone !== undefined && !object.broken) ||
      still.length > 0 ||
      (variant.includes('resets') && !object.broken && scratch[PASSED] === 0),
    check({ object, values, gone, dead, scratch }) {
      const calm = gone === undefined && !/timeout|aborts|resets/.test(variant);
      const waiters = values.filter((_, who) => waits(who) && who !== gone);
      for (let round = 0; round < rounds; round++) {
        const places = waiters.map((passed) => passed[round]);
        const indexes = places.filter((place) => typeof place === 'number');
        if (new Set(indexes).size !== indexes.length) throw new Error(`round ${round}: places ${places}`);
        if (calm && indexes.length !== parties) throw new Error(`round ${round}: ${places}`);
        // All or nobody, but for one that is gone, or whose time was over when the round had ended.
        if (gone === undefined && !/resets/.test(variant) && indexes.length % parties !== 0)
          throw new Error(`round ${round}: only some have passed: ${places}`);
      }
      if (calm && acts && scratch[ACTED] !== rounds)
        throw new Error(`the action ran ${scratch[ACTED]} times`);
      if (calm && object.broken) throw new Error('it is broken');
      object.reset();
      if (object.broken && dead.length === 0) throw new Error('it stays broken');
    },
  };
};
