// A POSIX semaphore: never more holders than permits, and no more permits lost than holders (or those about to be) died.
// When the dead have taken all of them, which is in the nature of these semaphores, another one takes the name.

import { setTimeout as sleep } from 'node:timers/promises';
import { Semaphore } from 'isthmus';
import { check as demand } from '../ledger.mjs';

export const cast = ['actor', 'actor', 'actor', ['actor', 'actor']];

const PERMITS = 3;
/**
 * Words. PRESENT: the semaphore that is used now, counted from 1. PAUSE: 1: nobody is to begin. From INSIDE on, for each
 * semaphore: how many permits are held.
 */
const PRESENT = 1;
const PAUSE = 2;
const INSIDE = 3;
const MOST_SEMAPHORES = 4000;

const TAKEN = 0; // the kind of operation
/** Own elements. RISK: permits of semaphore OF that a death may cost now. DIED: those that deaths may have cost. */
const RISK = 0;
const OF = 1;
const DIED = 2;
const GIVEN_UP = 3;

/** How long it must have stood still before another one is made, ms. */
const STILL = 1000;
/** How long a new one is used without a death, now and then, ms. */
const UNDISTURBED = 500;

export function create({ name, ledger }) {
  const books = { lost: 0, usedUp: 0, still: 0, taken: -1, close: () => books.semaphore.close() };
  replace(books, name, ledger, 1);
  return books;
}

function replace(books, name, { words }, number) {
  demand(number < MOST_SEMAPHORES, `more than ${MOST_SEMAPHORES} semaphores were used up`);
  const semaphore = Semaphore.create(name(number), { initial: PERMITS });
  books.semaphore?.close();
  books.semaphore = semaphore;
  Atomics.store(words, PRESENT, number);
  if (number > 1) Semaphore.unlink(name(number - 1));
}

export async function actor({ name, row, ledger, random }) {
  const { words } = ledger;
  let number = 0;
  let semaphore;
  const renew = async () => {
    while (Atomics.load(words, PAUSE) === 1) await sleep(2);
    while (number !== Atomics.load(words, PRESENT)) {
      semaphore?.close();
      semaphore = undefined;
      const next = Atomics.load(words, PRESENT);
      try {
        semaphore = Semaphore.attach(name(next), { max: PERMITS });
      } catch (error) {
        if (error.code === 'ENOENT') continue; // there is a newer one
        throw error;
      }
      number = next;
      if (row.own[OF] === number) continue;
      row.own[DIED] = 0;
      row.own[OF] = number;
    }
  };
  /** A bounded release may meet another one whose process is stopped; then it has released nothing. */
  const release = () => {
    for (;;) {
      try {
        return semaphore.release();
      } catch (error) {
        if (error.code !== 'ERR_ISTHMUS_TIMEOUT') throw error;
      }
    }
  };
  /** `acquire` takes up to `most` permits, each of which is a true in what it resolves with. */
  const use = async (most, acquire, work) => {
    await renew();
    row.begin(TAKEN, most);
    row.own[RISK] = most;
    const got = (await acquire()).filter(Boolean).length;
    const inside = Atomics.add(words, INSIDE + number, got) + got;
    demand(inside <= PERMITS, () => `${inside} hold one of ${PERMITS} permits`);
    if (got > 0) await work?.();
    Atomics.sub(words, INSIDE + number, got);
    for (let n = 0; n < got; n++) release();
    row.own[RISK] = 0;
    row.done(TAKEN, got);
    row.takeBack(TAKEN, most - got);
    row.own[GIVEN_UP] += most - got;
    return got > 0;
  };
  const unlessGivenUp = async (acquire) => {
    try {
      return (await acquire()) ?? true;
    } catch (error) {
      if (error.code !== 'ERR_ISTHMUS_TIMEOUT' && error.name !== 'AbortError') throw error;
      return false;
    }
  };
  const one = (acquire, work) => () => use(1, async () => [await unlessGivenUp(acquire)], work);
  // There is always a timeout: nobody else gives back what the dead have taken.
  const within = (most = 200) => ({ timeout: random.scattered(1, most) });
  const aWhile = () => sleep(random.below(4));
  const aborted = async () => {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), random.below(5));
    const got = await unlessGivenUp(() => semaphore.acquire({ signal: controller.signal }));
    clearTimeout(timer);
    return got;
  };
  const threeTimes = (acquire) => () => Promise.all([acquire(), acquire(), acquire()]);
  const steps = {
    tryAcquire: one(() => semaphore.tryAcquire(), aWhile),
    acquireSync: one(() => semaphore.acquireSync(within())),
    acquire: one(() => semaphore.acquire(within())),
    'acquire, hold over turns': one(() => semaphore.acquire(within()), aWhile),
    'acquireSync, hold over turns': one(() => semaphore.acquireSync(within()), aWhile),
    'acquire, abort': () => use(1, async () => [await aborted()], aWhile),
    'acquire, three at once': () =>
      use(
        3,
        threeTimes(() => unlessGivenUp(() => semaphore.acquire(within(5)))),
        aWhile,
      ),
    'acquire, abort three': () => use(3, threeTimes(aborted), aWhile),
  };
  await renew();
  return { steps, close: () => semaphore.close() };
}

/** Its permits are gone, if it had any; counted first: a death in here counts them twice rather than never. */
export function mourn(row) {
  row.own[DIED] += row.own[RISK];
  row.own[RISK] = 0;
}

const mayHaveTaken = (ledger, number) => ledger.sum((row) => (row.own[OF] === number ? row.own[DIED] : 0));

/** Another semaphore, when the dead may have taken all permits and nobody gets any. */
export function tend({ name, ledger, books }) {
  const number = Atomics.load(ledger.words, PRESENT);
  const taken = ledger.least(TAKEN);
  const now = performance.now();
  if (taken !== books.taken || books.semaphore.value > 0) {
    books.taken = taken;
    books.still = now;
  }
  if (now - books.still < STILL || mayHaveTaken(ledger, number) < PERMITS) return;
  books.lost += PERMITS;
  books.usedUp++;
  replace(books, name, ledger, number + 1);
}

export async function check({ name, ledger, books, final, patience }) {
  if (!final) return undisturbed(name, ledger, books, patience);
  const { value } = books.semaphore;
  const died = mayHaveTaken(ledger, Atomics.load(ledger.words, PRESENT));
  demand(value <= PERMITS, `${value} permits, where ${PERMITS} were made`);
  demand(PERMITS - value <= died, `${PERMITS - value} permits are lost, ${died} deaths explain it`);
  books.lost += PERMITS - value;
}

/** In a calm, so without a death, all permits of a new semaphore come back. */
async function undisturbed(name, ledger, books, patience) {
  const { words } = ledger;
  replace(books, name, ledger, Atomics.load(words, PRESENT) + 1);
  await sleep(UNDISTURBED);
  Atomics.store(words, PAUSE, 1);
  for (const since = performance.now(); books.semaphore.value !== PERMITS; await sleep(5)) {
    const { value } = books.semaphore;
    demand(value < PERMITS, `${value} permits, where ${PERMITS} were made`);
    const late = performance.now() - since > patience;
    demand(!late, `nobody holds a permit, nobody has died, and ${PERMITS - value} of ${PERMITS} are lost`);
  }
  Atomics.store(words, PAUSE, 0);
}

export function counts({ ledger, books }) {
  return {
    operations: ledger.least(TAKEN),
    'waits given up': ledger.own(GIVEN_UP),
    'permits lost': books.lost,
    'semaphores used up': books.usedUp,
  };
}
