// What the loads of a Queue share: an account of every message, the producers, and pauses in which the queue must be empty.

import { setTimeout as sleep } from 'node:timers/promises';
import { SharedMemory } from 'isthmus';
import { messageOf, readMessage } from './content.mjs';
import { check as demand, MODE } from './ledger.mjs';
import { aborting, unlessGivenUp } from './waits.mjs';

export const PRODUCERS = 3;
/** Messages of each producer that have an account at a time. */
const ACCOUNTS = 2 ** 17;
const BATCH = 8;
/** What is known of a message. GONE: got, or done. GOING: about to be done. */
export const STATE = { BEGUN: 1, ACKNOWLEDGED: 2, GOING: 4, GONE: 8 };
/** A word. 1: nobody is to begin. */
const PAUSE = 1;
const MESSAGE = 0; // the kind of operation
/** Own elements of producers: those whose put nobody knows of; the next number; 1 while it puts. UNSETTLED: see Accounts. */
export const SENT = { UNKNOWN: 0, NUMBER: 1, BUSY: 2, UNSETTLED: 3 };

/** Of each message: what is known of it, how often it was taken, who has it. */
export class Accounts {
  constructor(memory) {
    this.memory = memory;
    const all = PRODUCERS * ACCOUNTS;
    this.holders = new Int32Array(memory.buffer, 0, all);
    this.attempts = new Uint16Array(memory.buffer, 4 * all, all);
    this.states = new Uint8Array(memory.buffer, 6 * all, all);
  }

  static create = (name) => new Accounts(SharedMemory.create(name, 7 * PRODUCERS * ACCOUNTS));
  static attach = (name) => new Accounts(SharedMemory.attach(name));

  at = (producer, number) => producer * ACCOUNTS + (number % ACCOUNTS);

  /** A new message in an account that another one had: that one must be settled. 1 if a death must explain that it is. */
  begin(at) {
    const open = unsettled(Atomics.exchange(this.states, at, STATE.BEGUN));
    Atomics.store(this.attempts, at, 0);
    Atomics.store(this.holders, at, 0);
    return open;
  }

  note(at, state) {
    return Atomics.or(this.states, at, state);
  }

  /** Acknowledged ones that nobody has noted as gone. */
  get unsettled() {
    return this.states.reduce((sum, state) => sum + unsettled(state), 0);
  }

  state(at) {
    return Atomics.load(this.states, at);
  }

  close() {
    this.memory.close();
  }
}

const unsettled = (state) => ((state & STATE.ACKNOWLEDGED) !== 0 && (state & STATE.GONE) === 0 ? 1 : 0);

/** A message and its account; undefined for what the harness has put. */
export function accountOf(accounts, bytes, queue) {
  if (bytes.length === queue.maxMessageBytes) return undefined;
  const { number, life: producer } = readMessage(bytes);
  return { producer, number, at: accounts.at(producer, number) };
}

/** Demands that what one taker sees of a producer for the first time is in its order. */
export function inOrder() {
  const last = new Map();
  return ({ producer, number }) => {
    const before = last.get(producer) ?? 0;
    demand(number > before, () => `message ${number} of producer ${producer} came after ${before}`);
    last.set(producer, number);
  };
}

export const pausing =
  ({ ledger }, work) =>
  async () => {
    while (Atomics.load(ledger.words, PAUSE) === 1) await sleep(2);
    return work();
  };

export function producing(context, queue, accounts) {
  const { row, role, random, ledger } = context;
  const { own } = row;
  const producer = Number(role.split(' ')[1]);
  const largest = queue.maxMessageBytes - 64;
  own[SENT.UNKNOWN] += row.begun(MESSAGE) - row.finished(MESSAGE);
  row.takeBack(MESSAGE, row.begun(MESSAGE) - row.finished(MESSAGE));
  own[SENT.BUSY] = 0;

  /** `put` returns how many were accepted; undefined: all. The numbers of those that were not are not used again. */
  const sent = (most, put) =>
    pausing(context, async () => {
      own[SENT.BUSY] = 1;
      if (Atomics.load(ledger.words, PAUSE) === 1) {
        own[SENT.BUSY] = 0;
        return false;
      }
      const count = 1 + random.below(most);
      const first = own[SENT.NUMBER] + 1;
      own[SENT.NUMBER] += count;
      const numbers = Array.from({ length: count }, (_, n) => first + n);
      for (const number of numbers) own[SENT.UNSETTLED] += accounts.begin(accounts.at(producer, number));
      const messages = numbers.map((number) => messageOf({ number, life: producer, from: 1 }, largest));
      row.begin(MESSAGE, count);
      let accepted = 0;
      try {
        accepted = (await put(messages)) ?? count;
      } catch (error) {
        accepted = error.accepted ?? 0;
        const ended = error.code === 'ERR_ISTHMUS_CLOSED' && ledger.mode === MODE.STOP;
        if (!ended && error.code !== 'ERR_ISTHMUS_TIMEOUT' && error.name !== 'AbortError') throw error;
      }
      for (const number of numbers.slice(0, accepted))
        accounts.note(accounts.at(producer, number), STATE.ACKNOWLEDGED);
      // What was refused must never come.
      for (const number of numbers.slice(accepted))
        Atomics.store(accounts.states, accounts.at(producer, number), 0);
      row.done(MESSAGE, accepted);
      row.takeBack(MESSAGE, count - accepted);
      own[SENT.BUSY] = 0;
      return accepted > 0;
    });
  const within = () => ({ timeout: random.between(0, 8) });
  const aborted = async (put) => ((await aborting(random, put)) === false ? 0 : undefined);
  const steps = {
    tryPut: sent(1, ([one]) => (queue.tryPut(one) ? 1 : 0)),
    putSync: sent(1, ([one]) => queue.putSync(one)),
    put: sent(1, ([one]) => queue.put(one)),
    'putSync, timeout': sent(1, ([one]) => queue.putSync(one, within())),
    'put, timeout': sent(1, ([one]) => queue.put(one, within())),
    'put, abort': sent(1, ([one]) => aborted((signal) => queue.put(one, { signal }))),
    tryPutMany: sent(BATCH, (all) => queue.tryPutMany(all)),
    putManySync: sent(BATCH, (all) => queue.putManySync(all)),
    putMany: sent(BATCH, (all) => queue.putMany(all)),
    'putMany, timeout': sent(BATCH, (all) => queue.putMany(all, within())),
  };
  return { steps };
}

/** Acknowledged messages of which nobody has noted that they are gone. */
export const unsettledOf = ({ ledger, books }) =>
  books.accounts.unsettled +
  ledger.sum(({ role, own }) => (role.startsWith('producer') ? own[SENT.UNSETTLED] : 0));

/** When no producer is left: the end. */
export function tend({ ledger, books }) {
  if (ledger.mode !== MODE.STOP) return;
  const producers = ledger.rows.filter(({ role }) => role.startsWith('producer'));
  if (producers.every(({ up }) => up === 0)) books.queue.end();
}

/** Nobody puts any more: the queue runs empty, and all of its room is there again. */
export async function checkEmpty({ ledger, books, final, patience }) {
  const { queue } = books;
  if (final) {
    queue.joinSync({ timeout: 0 });
    demand(queue.isEmpty, `${queue.size} messages are left`);
    return;
  }
  Atomics.store(ledger.words, PAUSE, 1);
  const since = performance.now();
  const busy = () =>
    ledger.rows.filter(({ role, own }) => role.startsWith('producer') && own[SENT.BUSY] === 1);
  while (busy().length > 0 || !queue.isEmpty) {
    const who = () => busy().map(({ index, step }) => `row ${index} in '${step}'`);
    demand(performance.now() - since < patience, () => `HANGS: ${queue.size} in the queue, put: ${who()}`);
    await sleep(5);
  }
  await unlessGivenUp(() => queue.join({ timeout: patience }));
  queue.putSync(new Uint8Array(queue.maxMessageBytes), { timeout: patience }); // not a block is missing
  books.emptied++;
  Atomics.store(ledger.words, PAUSE, 0);
}
