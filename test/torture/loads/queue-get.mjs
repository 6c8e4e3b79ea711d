// A queue between producers and consumers, all of whom are killed and replaced. Each message that was acknowledged is got
// exactly once, but for those that were in the hands of a consumer when it died. In each calm all of its room is free.

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

export const cast = [
  'producer 0',
  'producer 1',
  'consumer',
  'consumer',
  ['producer 2', 'consumer', 'consumer'],
];

const OPTIONS = { capacity: 16_384, maxJobs: 1 };
const BATCH = 8;
/** Own elements of consumers: got; how many it may have in its hands; how many the dead of its row may have had. */
const GOT = 0;
const GETTING = 1;
const IN_HAND = 2;

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
  const { role, name, row, random } = context;
  const { own } = row;
  const accounts = Accounts.attach(name('accounts'));
  const queue = Queue.attach(name('queue'));
  const close = () => {
    queue.close();
    accounts.close();
  };
  if (role.startsWith('producer')) return { ...producing(context, queue, accounts), close };

  const order = inOrder();
  const note = (bytes) => {
    const account = accountOf(accounts, bytes, queue);
    if (account === undefined) return;
    const { producer, number, at } = account;
    const what = () => `message ${number} of producer ${producer}`;
    const state = accounts.note(at, STATE.GONE);
    demand((state & STATE.BEGUN) !== 0, () => `${what()}, was refused`);
    demand((state & STATE.GONE) === 0, () => `${what()}, came twice`);
    order(account);
    own[GOT]++;
  };
  /** `get` gives one, several, none or undefined. `most`: how many at a time. */
  const got = async (most, get) => {
    own[GETTING] = most;
    const result = await unlessGivenUp(get);
    // Nothing, or undefined for one of several calls: the queue is over.
    const messages = [result || []].flat().filter((message) => message !== undefined);
    for (const message of messages) note(message);
    own[GETTING] = 0;
    return messages.length > 0;
  };
  const within = () => ({ timeout: random.between(0, 8) });
  const iterate = async () => {
    let left = 1 + random.below(BATCH);
    own[GETTING] = 1;
    for await (const message of queue) {
      note(message);
      if (--left === 0) break;
    }
    own[GETTING] = 0;
  };
  const steps = {
    tryGet: () => got(1, () => queue.tryGet()),
    getSync: () => got(1, () => queue.getSync()),
    get: () => got(1, () => queue.get()),
    'getSync, timeout': () => got(1, () => queue.getSync(within())),
    'get, timeout': () => got(1, () => queue.get(within())),
    'get, abort': () => got(1, () => aborting(random, (signal) => queue.get({ signal }))),
    tryGetMany: () => got(BATCH, () => queue.tryGetMany(BATCH)),
    getManySync: () => got(BATCH, () => queue.getManySync(BATCH)),
    getMany: () => got(BATCH, () => queue.getMany(BATCH)),
    'getMany, timeout': () => got(BATCH, () => queue.getMany(BATCH, within())),
    'for await': iterate,
    'two at once': () => got(2, () => Promise.all([queue.get(), queue.get()])),
  };
  return {
    steps,
    close,
    async finish() {
      while (await got(BATCH, () => queue.getMany(BATCH)));
    },
  };
}

/** An actor is gone: by a kill, or in good order and then with nothing in its hands. */
export function mourn({ role, own }) {
  if (role !== 'consumer') return;
  own[IN_HAND] += own[GETTING];
  own[GETTING] = 0;
}

export async function check(stage) {
  await checkEmpty(stage);
  if (!stage.final) return;
  const missing = unsettledOf(stage);
  const explained = inHand(stage);
  demand(missing <= explained, () => `${missing} are missing, ${explained} may have been in dead hands`);
}

const consumers = ({ ledger }) => ledger.rows.filter(({ role }) => role === 'consumer');
const inHand = (stage) => consumers(stage).reduce((all, { own }) => all + own[IN_HAND] + own[GETTING], 0);

export function counts(stage) {
  return {
    operations: consumers(stage).reduce((all, { own }) => all + own[GOT], 0),
    'missing with the dead': unsettledOf(stage),
    'may have been in their hands': inHand(stage),
    'pauses in which it was empty': stage.books.emptied,
  };
}
