// Rounds of as many parties as there are actors. Whoever dies or gives up breaks the barrier; whoever hears of it resets it
// and waits again. A round that passes passes for everybody, each with a place of its own, with all inside, after one action.

import { setTimeout as sleep } from 'node:timers/promises';
import { Barrier } from 'isthmus';
import { check as demand, MODE } from '../ledger.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export const cast = ['party', 'party', ['party', 'party']];
const PARTIES = 4;
/** How long they go on without a death, now and then, ms. */
const UNDISTURBED = 700;

const PASSED = 0; // the kind of operation
/** Of the common elements: the number of the last action. One that fails has a number too, with which nobody passes. */
const ACTIONS = 8;
/** Words: for each of the last rounds, who has passed: the round's number where its index is. */
const SEATS = 1;
const ROUNDS = 1000;
/** Own elements. INSIDE: 1 from before it waits until after. */
const INSIDE = 0;
const BROKEN = 1;
const RESETS = 2;
const GIVEN_UP = 3;
const ACTED = 4;

export function create({ name }) {
  const barrier = Barrier.create(name('barrier'), PARTIES);
  return { barrier, close: () => barrier.close() };
}

const seatsOf = (round) => SEATS + (round % ROUNDS) * PARTIES;

export function actor({ name, row, ledger, random }) {
  const { common, words } = ledger;
  const parties = ledger.rows.filter(({ role }) => role === 'party');
  /** What the action noted that this one ran. */
  let acted;
  let slow = 0;
  const action = () => {
    const missing = parties.filter(({ own }) => own[INSIDE] === 0).map(({ index }) => index);
    acted = { round: ++common[ACTIONS], missing };
    return slow > 0 ? sleep(slow) : undefined;
  };
  const attach = () => Barrier.attach(name('barrier'), { action });
  let barrier = attach();

  const passed = (index) => {
    const round = common[ACTIONS]; // there is no next one without us
    demand(index >= 0 && index < PARTIES, () => `place ${index} of ${PARTIES}`);
    const before = Atomics.exchange(words, seatsOf(round) + index, round);
    demand(before !== round, () => `two had the place ${index} in round ${round}`);
    if (acted !== undefined) {
      demand(acted.round === round, () => `round ${round} passed with action ${acted.round}`);
      demand(acted.missing.length === 0, () => `round ${round} passed without the rows ${acted.missing}`);
      row.own[ACTED]++;
    }
    row.done(PASSED);
    row.own[INSIDE] = 0;
  };
  const failed = () => {
    row.takeBack(PASSED);
    row.own[INSIDE] = 0;
    return false;
  };
  const wait = (how, mayBeSlow) => async () => {
    acted = undefined;
    slow = mayBeSlow && random.chance(0.2) ? random.below(4) : 0;
    row.own[INSIDE] = 1;
    row.begin(PASSED);
    try {
      const index = await unlessGivenUp(how);
      if (index !== false) return passed(index);
      row.own[GIVEN_UP]++;
      return failed();
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_BROKEN_BARRIER') throw error;
      row.own[BROKEN]++;
      if (ledger.mode !== MODE.STOP && barrier.broken) {
        row.own[RESETS]++;
        barrier.reset();
      }
      return failed();
    }
  };
  const within = () => ({ timeout: random.between(2, 60) });
  const rarely = (work) => () => (random.chance(0.8) ? false : work());
  const forms = {
    wait: wait(() => barrier.wait(), true),
    waitSync: wait(() => barrier.waitSync()),
  };
  const steps = {
    ...forms,
    'wait again': forms.wait,
    'waitSync again': forms.waitSync,
    'wait, timeout': rarely(wait(() => barrier.wait(within()), true)),
    'waitSync, timeout': rarely(wait(() => barrier.waitSync(within()))),
    'wait, abort': rarely(wait(() => aborting(random, (signal) => barrier.wait({ signal })))),
    abort: rarely(() => {
      if (random.chance(0.7)) return false;
      barrier.abort();
      return false;
    }),
    'close, attach': rarely(() => {
      barrier.close();
      barrier = attach();
      return false;
    }),
  };
  return { steps, close: () => barrier.close() };
}

/** When some have ended, the others would wait for ever. */
export function tend({ ledger, books }) {
  if (ledger.mode === MODE.STOP) books.barrier.abort();
}

export async function check({ ledger, final }) {
  if (!final) await sleep(UNDISTURBED);
  const open = ledger.most(PASSED) - ledger.least(PASSED);
  demand(open <= ledger.deaths + PARTIES, () => `${open} waits not ended, ${ledger.deaths} deaths`);
  if (!final) return;
  const last = ledger.common[ACTIONS];
  let torn = 0;
  for (let round = Math.max(1, last - ROUNDS + 1); round <= last; round++) {
    const seats = ledger.words.subarray(seatsOf(round), seatsOf(round) + PARTIES);
    const taken = seats.filter((number) => number === round).length;
    if (taken > 0 && taken < PARTIES) torn++;
  }
  demand(torn <= ledger.deaths, () => `${torn} rounds passed for some only, ${ledger.deaths} deaths`);
  const [rounds, most] = [ledger.own(ACTED), ledger.most(PASSED)];
  demand(PARTIES * rounds <= most, () => `${rounds} actions, ${most} waits for ${PARTIES} parties`);
  demand(ledger.least(PASSED) <= PARTIES * last, () => `${ledger.least(PASSED)} passed in ${last} rounds`);
}

export function counts({ ledger }) {
  return {
    operations: ledger.least(PASSED),
    actions: ledger.common[ACTIONS],
    'heard that it is broken': ledger.own(BROKEN),
    resets: ledger.own(RESETS),
    'waits given up': ledger.own(GIVEN_UP),
  };
}
