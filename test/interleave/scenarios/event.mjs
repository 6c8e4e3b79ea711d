// Event: waiting against setting and clearing, in every form. Whoever waited when it was set goes on, whatever happens to
// the flag next.

const wait = {
  Sync: (event) => event.waitSync(),
  promise: (event) => event.wait(),
  'Sync timeout': (event) => event.waitSync({ timeout: 5 }),
  'promise timeout': (event) => event.wait({ timeout: 5 }),
};

/** Until somebody has announced that it sleeps: it waited before what comes next. */
const whenAwaited = ({ isthmus, name, now, pause }) => {
  for (;;) {
    const before = now();
    if (isthmus.inspect(name).contents.awaited) return;
    pause(before);
  }
};
const act = {
  sets: ({ event }) => event.set(),
  'sets and clears': (context) => {
    whenAwaited(context);
    context.event.set();
    context.event.clear();
  },
  clears: ({ event }) => event.clear(),
};

const CASES = {
  'Sync waits, one sets': [['Sync'], ['sets']],
  'promise waits, one sets': [['promise'], ['sets']],
  'two wait, one sets': [['Sync', 'promise'], ['sets']],
  'Sync waits, two set': [['Sync'], ['sets', 'sets']],
  'Sync waits, one sets and clears at once': [['Sync'], ['sets and clears']],
  'promise waits, one sets and clears at once': [['promise'], ['sets and clears']],
  'promise waits, one sets, one clears': [['promise'], ['sets', 'clears']],
  'Sync waits with a timeout, one sets': [['Sync timeout'], ['sets']],
  'promise waits with a timeout, one sets': [['promise timeout'], ['sets']],
};

export const variants = Object.fromEntries(
  Object.entries(CASES).map(([name, [waiters, others]]) => [
    name,
    {
      bound: waiters.length + others.length === 2 ? 4 : 3,
      crashBound: 2,
      stopBound: 2,
      random: 500,
      most: 8000,
      mostCrash: 100,
    },
  ]),
);

export default (variant) => {
  const [waiters, others] = CASES[variant];
  const waits = (who) => who < waiters.length;
  return {
    actors: [
      ...waiters.map((form) => async ({ isthmus, name }) => {
        const event = isthmus.Event.attach(name);
        try {
          await wait[form](event);
        } catch (error) {
          if (error.code !== 'ERR_ISTHMUS_TIMEOUT' || !form.endsWith('timeout')) throw error;
          return 'timeout';
        }
        return 'set';
      }),
      ...others.map((what) => async (context) => {
        const event = context.isthmus.Event.attach(context.name);
        act[what]({ ...context, event });
        return 'done';
      }),
    ],
    create: ({ Event }, name) => Event.create(name, { participants: 5 }),
    attach: ({ Event }, name) => Event.attach(name),
    // Nobody watches one who sets: sleeps end by themselves.
    sleepsAfter: () => 3,
    // One that clears may be faster than one that begins to wait; one that sets may be gone before it has.
    mayWaitForEver: ({ object, gone }) =>
      !object.isSet &&
      (variant.includes('clears') ? gone !== undefined || !variant.includes('at once') : gone !== undefined),
    check({ object, values, gone }) {
      if (gone === undefined && !variant.includes('clear') && !object.isSet) throw new Error('it is not set');
      values.forEach((value, who) => {
        if (waits(who) && who !== gone && value !== 'set' && !waiters[who].endsWith('timeout'))
          throw new Error(`actor ${who}: ${value}`);
      });
      object.set();
      object.waitSync({ timeout: 0 });
    },
  };
};
