// A bounded buffer between producers and consumers, with two conditions on one lock. Items are numbered: none is lost, none
// comes twice, whoever dies. In each calm nobody begins any more, and then nobody may wait for what is there.

import { setTimeout as sleep } from 'node:timers/promises';
import { Condition, Lock } from 'isthmus';
import { check as demand, MODE } from '../ledger.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export const cast = ['producer', 'consumer', 'consumer', ['producer', 'consumer']];

/** Kinds of operations: an item put into the buffer, one taken out of it. */
const [PUT, TAKEN] = [0, 1];
/** Of the common elements: how many were put and taken, from ITEMS on the buffer. */
const COUNT = 8;
const ITEMS = 16;
const CAPACITY = 2;
/** A word. 1: nobody is to begin. */
const PAUSE = 1;
/** Own elements. FLOWS: of this process that are under way; WAITING: of these, those that wait. */
const FLOWS = 0;
const TOLD = 1;
const MENDED = 2;
const WAITED = 3;
const GIVEN_UP = 4;
const WAITING = 5;

/** How often everybody is made to pause in a calm, and for how many ms not in between. */
const PAUSES_EACH = 40;
const BETWEEN = 10;

const open = (name, how) => {
  const lock = how === 'create' ? Lock.create(name('lock')) : Lock.attach(name('lock'));
  const [filled, emptied] = ['filled', 'emptied'].map((what) => Condition[how](name(what), { lock }));
  return {
    lock,
    filled,
    emptied,
    close() {
      for (const one of [filled, emptied, lock]) one.close();
    },
  };
};

export function create({ name }) {
  return { ...open(name, 'create'), paused: 0 };
}

/** The lock has been taken: what there is in the buffer, mended if the holder before died. `first`: not looked before. */
function look({ abandoned }, { row, ledger }, { filled, emptied }, first = true) {
  const { common } = ledger;
  for (const kind of [PUT, TAKEN]) {
    const [count, sum] = [common[COUNT + kind], ledger.least(kind)];
    if (count === sum) continue;
    const what = () => `${kind === PUT ? 'put' : 'taken'}: ${count} counted, ${sum} in the accounts`;
    demand(abandoned && count === sum + 1, () => `${what()}, abandoned: ${abandoned}`);
    common[COUNT + kind] = sum; // it did not happen
    row.own[MENDED]++;
  }
  const items = common[COUNT + PUT] - common[COUNT + TAKEN];
  demand(items >= 0 && items <= CAPACITY, () => `${items} items in a buffer for ${CAPACITY}`);
  if (!abandoned) return items;
  if (first) row.own[TOLD]++;
  filled.notifyAll(); // whoever died may have been about to
  emptied.notifyAll();
  return items;
}

export function actor(context) {
  const { role, name, row, ledger, random } = context;
  const { common, words } = ledger;
  const objects = open(name, 'attach');
  const { lock, filled, emptied } = objects;
  const slot = (number) => ITEMS + (number % CAPACITY);
  const change = (kind, work) => {
    row.begin(kind);
    common[COUNT + kind]++;
    for (let time = random.below(5000); time >= 0; time--) work(common[COUNT + kind]); // to die in
    row.done(kind);
  };
  const put = (number) => {
    common[slot(number)] = number;
  };
  const take = (number) => {
    const item = common[slot(number)];
    demand(item === number, () => `item ${item} came where ${number} was to come`);
  };
  const side =
    role === 'producer'
      ? { awaited: emptied, told: filled, may: (items) => items < CAPACITY, work: () => change(PUT, put) }
      : { awaited: filled, told: emptied, may: (items) => items > 0, work: () => change(TAKEN, take) };
  const { awaited, told } = side;

  row.own[FLOWS] = 0;
  row.own[WAITING] = 0;
  /** One flow, which holds the lock and waits for what it wants. */
  const flow = (guard) => {
    let waits = 0;
    const isWaiting = (now) => {
      row.own[WAITING] += now - waits;
      waits = now;
    };
    return {
      /** To be asked once whenever the lock has been taken. */
      ready() {
        isWaiting(0);
        if (side.may(look(guard, context, objects))) return 'ready';
        if (ledger.mode === MODE.STOP) return 'over';
        isWaiting(1);
        row.own[WAITED]++;
        return undefined;
      },
      use(found) {
        isWaiting(0);
        if (found === false) row.own[GIVEN_UP]++;
        if (found !== 'ready') return false;
        side.work();
        random.chance(0.9) ? told.notify() : told.notifyAll();
      },
    };
  };
  const within = () => ({ timeout: random.between(0, 30) });
  const waitFor = (options) => async (guard) => {
    const { ready, use } = flow(guard);
    return use(await unlessGivenUp(() => awaited.waitFor(guard, ready, options)));
  };
  const waitForSync = (options) => (guard) => {
    const { ready, use } = flow(guard);
    try {
      return use(awaited.waitForSync(guard, ready, options));
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
      return use(false);
    }
  };
  /** It has the lock again, perhaps without having looked, and nobody else would be told. */
  const givenUp = (guard, use) => {
    look(guard, context, objects, false);
    return use(false);
  };
  const waitForAborted = async (guard) => {
    const { ready, use } = flow(guard);
    const found = await aborting(random, (signal) => awaited.waitFor(guard, ready, { signal }));
    return found === false ? givenUp(guard, use) : use(found);
  };
  const waitForClosed = async (guard) => {
    const { ready, use } = flow(guard);
    const handle = Condition.attach(awaited.name, { lock });
    const timer = setTimeout(() => handle.close(), random.between(0, 8));
    try {
      return use(await handle.waitFor(guard, ready));
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_CLOSED') throw error;
      return givenUp(guard, use);
    } finally {
      clearTimeout(timer);
      handle.close();
    }
  };
  const wait = async (guard) => {
    const { ready, use } = flow(guard);
    let found = ready();
    for (; found === undefined; found = ready()) await awaited.wait(guard);
    return use(found);
  };
  const waitSync = (guard) => {
    const { ready, use } = flow(guard);
    let found = ready();
    for (; found === undefined; found = ready()) awaited.waitSync(guard);
    return use(found);
  };
  const step = (work) => async () => {
    while (Atomics.load(words, PAUSE) === 1) await sleep(2);
    row.own[FLOWS]++;
    const result = await work();
    row.own[FLOWS]--;
    return result;
  };
  const steps = {
    waitFor: step(() => lock.withLock(waitFor())),
    waitForSync: step(() => lock.withLockSync(waitForSync())),
    'waitFor, timeout': step(() => lock.withLock(waitFor(within()))),
    'waitForSync, timeout': step(() => lock.withLockSync(waitForSync(within()))),
    'waitFor, abort': step(() => lock.withLock(waitForAborted)),
    'waitFor, close': step(() => lock.withLock(waitForClosed)),
    wait: step(() => lock.withLock(wait)),
    waitSync: step(() => lock.withLockSync(waitSync)),
    'two at once': () => Promise.all([wait, waitFor()].map((how) => step(() => lock.withLock(how))())),
  };
  return { steps, close: objects.close };
}

/** When one side has ended, somebody must tell the other. */
export function tend({ ledger, books }) {
  if (ledger.mode !== MODE.STOP) return;
  const guard = books.lock.tryAcquire();
  if (guard === undefined) return;
  look(guard, { row: ledger.rows[0], ledger }, books);
  books.filled.notifyAll();
  books.emptied.notifyAll();
  guard.release();
}

export async function check({ ledger, books, final, patience }) {
  const harness = { row: ledger.rows[0], ledger };
  const items = async () => {
    const guard = await books.lock.acquire({ timeout: patience });
    const count = look(guard, harness, books);
    guard.release();
    return count;
  };
  for (let n = 0; n < PAUSES_EACH && !final; n++) {
    Atomics.store(ledger.words, PAUSE, 1);
    const still = async () => {
      const count = await items();
      const late = ({ role, own }) =>
        own[FLOWS] > own[WAITING] ||
        (own[WAITING] > 0 && (role === 'producer' ? count < CAPACITY : count > 0));
      return { count, late: ledger.rows.filter(late) };
    };
    for (const since = performance.now(); ; await sleep(5)) {
      const { count, late } = await still();
      if (late.length === 0) break;
      const who = () =>
        late.map(({ role, index, step }) => `${role} (row ${index}, in '${step}')`).join(', ');
      demand(
        performance.now() - since < patience,
        () =>
          `HANGS: ${count} items in a buffer for ${CAPACITY}, nobody else begins, and these wait: ${who()}`,
      );
    }
    books.paused++;
    Atomics.store(ledger.words, PAUSE, 0);
    await sleep(BETWEEN);
  }
  await items();
  const told = ledger.own(TOLD);
  demand(told <= ledger.deaths, () => `${told} guards were abandoned, ${ledger.deaths} deaths explain it`);
  if (!final) return;
  const open = ledger.most(PUT) + ledger.most(TAKEN) - ledger.least(PUT) - ledger.least(TAKEN);
  demand(open <= ledger.deaths, `${open} changes not finished, ${ledger.deaths} deaths`);
}

export function counts({ ledger, books }) {
  return {
    operations: ledger.least(TAKEN),
    waits: ledger.own(WAITED),
    'waits given up': ledger.own(GIVEN_UP),
    'abandoned guards': ledger.own(TOLD),
    'half-made changes mended': ledger.own(MENDED),
    'pauses in which nobody waited for what was there': books.paused,
  };
}
