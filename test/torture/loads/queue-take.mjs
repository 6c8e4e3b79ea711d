// A queue between producers and takers, all of whom are killed and replaced. Each message that was acknowledged is done
// exactly once; if its taker died with it, it comes again, with a raised attempt. In each calm all of its room is free.

import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'isthmus';
import { check as demand } from '../ledger.mjs';
import {
  Accounts,
  accountOf,
  checkEmpty,
  inOrder,
  producing,
  STATE,
  tend,
  unsettledOf,
} from '../queueing.mjs';
import { aborting, unlessGivenUp } from '../waits.mjs';

export { tend };

export const cast = ['producer 0', 'producer 1', 'taker', 'taker', ['producer 2', 'taker', 'taker']];

const OPTIONS = { capacity: 32_768, maxItems: 100, maxJobs: 64 };
/** Own elements of takers: done; seen again; attempts that nobody saw; given back; given back by closing. */
const DONE = 0;
const AGAIN = 1;
const SKIPPED = 2;
const RETRIED = 3;
const CLOSED = 4;

export function create({ name }) {
  const queue = Queue.create(name('queue'), OPTIONS);
  const accounts = Accounts.create(name('accounts'));
  return {
    queue,
    accounts,
    emptied: 0,
    close() {
      queue.close();
      accounts.close();
    },
  };
}

export function actor(context) {
  const { role, name, row, ledger, random, deaths } = context;
  const { own } = row;
  const accounts = Accounts.attach(name('accounts'));
  let queue = Queue.attach(name('queue'));
  const close = () => {
    queue.close();
    accounts.close();
  };
  if (role.startsWith('producer')) return { ...producing(context, queue, accounts), close };

  const order = inOrder();
  /** Row and deaths of whoever has a message. */
  const me = (row.index << 16) | (deaths & 0xffff) | 0;
  const taken = (job) => {
    const account = accountOf(accounts, job.message, queue);
    if (account === undefined) return { job };
    const { producer, number, at } = account;
    const what = () => `message ${number} of producer ${producer}, attempt ${job.attempt}`;
    const state = accounts.state(at);
    demand((state & STATE.BEGUN) !== 0, () => `${what()}, was refused`);
    demand((state & STATE.GONE) === 0, () => `${what()}, was done before`);
    const holder = Atomics.exchange(accounts.holders, at, me);
    const { index, deaths } = ledger.rows[holder >>> 16] ?? {};
    demand(
      holder === 0 || (deaths & 0xffff) !== (holder & 0xffff),
      () => `${what()}, is held by row ${index}, which lives`,
    );
    const before = Atomics.exchange(accounts.attempts, at, job.attempt);
    demand(job.attempt > before, () => `${what()}, comes after attempt ${before}`);
    own[SKIPPED] += job.attempt - before - 1;
    if (job.attempt === 1) order(account);
    else own[AGAIN]++;
    return { job, at };
  };
  const finish = ({ job, at }) => {
    if (at === undefined) return job.done();
    accounts.note(at, STATE.GOING);
    Atomics.store(accounts.holders, at, 0);
    job.done();
    const before = accounts.note(at, STATE.GONE);
    demand((before & STATE.GONE) === 0, () => 'two have done one message');
    own[DONE]++;
  };
  const retry = ({ job, at }) => {
    if (at !== undefined) Atomics.store(accounts.holders, at, 0);
    own[RETRIED]++;
    job.retry();
  };
  const leave = (one) => (random.chance(0.05) ? retry(one) : finish(one));
  const work = async (take) => {
    const job = await unlessGivenUp(take);
    if (job === false || job === undefined) return false;
    const one = taken(job);
    if (random.chance(0.1)) await sleep(random.below(4));
    leave(one);
  };
  const within = () => ({ timeout: random.between(0, 8) });
  const several = async () => {
    const all = [];
    for (let count = 1 + random.below(4); count > 0; count--) {
      const job = queue.tryTake();
      if (job !== undefined) all.push(taken(job));
    }
    if (all.length === 0) return sleep(random.below(2), false);
    if (random.chance(0.3)) await sleep(random.below(4));
    for (const one of all) leave(one);
  };
  const closing = async () => {
    if (random.chance(0.8)) return false;
    const one = queue.tryTake();
    if (one !== undefined) {
      const { at } = taken(one);
      if (at !== undefined) Atomics.store(accounts.holders, at, 0);
      own[CLOSED]++;
    }
    queue.close();
    demand(one === undefined || !one.pending, 'a job outlives its handle');
    queue = Queue.attach(name('queue'));
  };
  const steps = {
    tryTake: () => work(() => queue.tryTake()),
    takeSync: () => work(() => queue.takeSync()),
    take: () => work(() => queue.take()),
    'takeSync, timeout': () => work(() => queue.takeSync(within())),
    'take, timeout': () => work(() => queue.take(within())),
    'take, abort': () => work(() => aborting(random, (signal) => queue.take({ signal }))),
    'two at once': () => Promise.all([work(() => queue.take()), work(() => queue.take())]),
    several,
    'close with a job': closing,
    'join, timeout': () => unlessGivenUp(() => queue.join(within())).then(() => false),
  };
  return {
    steps,
    close,
    /** Until it is over, for all. */
    async finish() {
      for (let job = await queue.take(); job !== undefined; job = await queue.take()) finish(taken(job));
    },
  };
}

export async function check(stage) {
  const { ledger, books, final } = stage;
  await checkEmpty(stage);
  const skipped = ledger.sum(({ role, own }) => (role === 'taker' ? own[SKIPPED] : 0));
  if (!final) return;
  const unsettled = unsettledOf(stage);
  demand(
    unsettled <= ledger.deaths,
    () => `${unsettled} not noted as done, ${ledger.deaths} deaths explain it`,
  );
  const lost = books.accounts.states.filter(
    (state) => (state & STATE.ACKNOWLEDGED) !== 0 && (state & (STATE.GOING | STATE.GONE)) === 0,
  ).length;
  demand(lost === 0, () => `${lost} messages were acknowledged and never done`);
  demand(
    skipped <= 4 * ledger.deaths,
    () => `${skipped} attempts nobody saw, ${ledger.deaths} deaths explain it`,
  );
}

export function counts({ ledger, books }) {
  const takers = ledger.rows.filter(({ role }) => role === 'taker');
  const sum = (element) => takers.reduce((all, { own }) => all + own[element], 0);
  return {
    operations: sum(DONE),
    'came again': sum(AGAIN),
    'given back': sum(RETRIED),
    'given back by closing': sum(CLOSED),
    'attempts of the dead that nobody saw': sum(SKIPPED),
    'pauses in which it was empty': books.emptied,
  };
}
