// An event that is set and cleared all the time: nobody is woken by nothing, everybody gets on. In each calm drills: all
// wait, and one call of set, cleared at once, must end every wait, and not only when a sleeper looks by itself.

import { setTimeout as sleep } from 'node:timers/promises';
import { Event } from 'isthmus';
import { check as demand, MODE } from '../ledger.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export const cast = ['setter', 'waiter', 'waiter', ['waiter', 'setter', 'waiter']];

/** A word: the drill that goes on; 0: none. In those with odd numbers everybody only gathers. */
const DRILL = 1;
/** Own elements: the drill that it takes part in, the one that it has ended. */
const READY = 0;
const ENDED = 1;
const WAITED = 2;
const CERTAIN = 3;

const SET = 0; // the kind of operation

/**
 * One of so many drills must end within so many ms: a sleeper that nobody wakes looks after up to a second. This is no
 * measure of speed: it tells those who were woken from those who were not, on a machine that all loads keep busy.
 */
const DRILLS = 20;
const SOON = 400;
/** Whoever had not begun to wait when it was set (which cannot be seen) needs another call. */
const ONCE_MORE = 2000;

export function create({ name }) {
  const event = Event.create(name('event'));
  return { event, drill: 0, missed: 0, drills: 0, close: () => event.close() };
}

export function actor({ role, name, row, ledger, random }) {
  const event = Event.attach(name('event'));
  // Whether a dead one's last call came to anything nobody knows; from now on it counts as done.
  row.done(SET, row.begun(SET) - row.finished(SET));
  const forms = {
    waitSync: () => event.waitSync(),
    wait: () => event.wait(),
    'three at once': () => Promise.all([event.wait(), event.wait(), event.wait()]),
  };
  const drill = async () => {
    const now = () => Atomics.load(ledger.words, DRILL);
    for (let drilled = now(); drilled !== 0; await sleep(1), drilled = now()) {
      if (row.own[READY] === drilled) continue;
      row.own[READY] = drilled;
      if (role === 'waiter' && drilled % 2 === 0) await random.pick(Object.values(forms))();
      row.own[ENDED] = drilled;
    }
  };
  const set = (work) => async () => {
    await drill();
    row.begin(SET);
    event.set();
    row.done(SET);
    await work?.();
    if (random.chance(0.9)) event.clear();
  };
  const waited = (wait) => async () => {
    await drill();
    const [finished, begun] = [ledger.least(SET), ledger.most(SET)];
    const certain = finished === begun && !event.isSet; // clear, and nobody is about to set it
    if ((await wait()) === false) return false;
    row.own[WAITED]++;
    if (!certain) return;
    row.own[CERTAIN]++;
    demand(ledger.most(SET) > begun, () => `woken, and nobody has called set since ${begun} calls`);
  };
  const within = () => ({ timeout: random.between(0, 8) });
  const giving = (wait) => waited(() => unlessGivenUp(async () => (await wait()) ?? true));
  const steps = {
    setter: {
      'set, clear': set(),
      'set, rest, clear': set(() => sleep(random.below(4))),
      clear: () => event.clear(),
      rest: () => sleep(random.below(8)),
    },
    waiter: {
      ...Object.fromEntries(Object.entries(forms).map(([form, wait]) => [form, waited(wait)])),
      'wait, timeout': giving(() => event.wait(within())),
      'waitSync, timeout': giving(() => event.waitSync(within())),
      'wait, abort': waited(() => aborting(random, async (signal) => (await event.wait({ signal })) ?? true)),
    },
  };
  return { steps: steps[role], close: () => event.close() };
}

/** When the setters have ended, somebody must end the waits. */
export function tend({ ledger, books }) {
  if (ledger.mode === MODE.STOP) set(ledger, books);
}

function set({ rows: [row] }, { event }) {
  row.begin(SET);
  event.set();
  row.done(SET);
}

export async function check({ ledger, books, final, patience }) {
  if (final) return;
  const { event } = books;
  const begin = () => Atomics.store(ledger.words, DRILL, ++books.drill);
  /** Until all of a role have got so far; `meanwhile` every so many ms, of which it returns how often that was. */
  const until = async (roles, element, every, meanwhile) => {
    const since = performance.now();
    for (let times = 0; ; await sleep(1)) {
      const late = ledger.rows.filter(
        ({ role, own }) => roles.includes(role) && own[element] !== books.drill,
      );
      if (late.length === 0) return times;
      const passed = performance.now() - since;
      const who = () => late.map(({ index, step }) => `row ${index} (in '${step}')`).join(', ');
      demand(passed < patience, () => `HANGS: a drill does not end for ${who()}`);
      if (passed < every * times) continue;
      times++;
      meanwhile();
    }
  };
  const nothing = () => undefined;
  books.drill += books.drill % 2; // even, so that the next one is odd
  begin();
  await until(['setter', 'waiter'], ENDED, 1, () => set(ledger, books));
  let fastest = Infinity;
  for (let n = 0; n < DRILLS && !(n > 2 && fastest < SOON); n++) {
    event.clear();
    books.drill += 1 - (books.drill % 2);
    begin();
    await until(['waiter'], READY, 1, nothing);
    await sleep(20);
    const since = performance.now();
    const times = await until(['waiter'], ENDED, ONCE_MORE, () => {
      set(ledger, books);
      event.clear();
    });
    books.drills++;
    books.missed += times - 1;
    fastest = Math.min(fastest, performance.now() - since);
  }
  Atomics.store(ledger.words, DRILL, 0);
  demand(fastest < SOON, () => `set, and nobody went on before ${fastest.toFixed()} ms, in ${DRILLS} drills`);
}

export function counts({ ledger, books }) {
  return {
    operations: ledger.least(SET),
    waits: ledger.own(WAITED),
    'that were certain to begin clear': ledger.own(CERTAIN),
    drills: books.drills,
    'of which somebody came late': books.missed,
  };
}
