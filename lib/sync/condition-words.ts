/**
 * Who waits for a condition: for each participant two numbers in one word, how many wait there and how many of those
 * were notified. A notification is given to one participant that has somebody who was not notified; which of its waits
 * it is for is that participant's affair (the oldest). It is used up only when that wait has the lock again, so that one
 * that gives up or dies before leaves it to others.
 *
 * Every change is one compare-exchange on one word. What is said to need the lock needs it to be exact, not to be safe.
 */

import { FullError } from '../errors.js';
import { onePer } from '../memory/one-per.js';
import type { Segment } from '../memory/segment.js';
import { SlotTable } from '../memory/slot-table.js';
import { native } from '../native/load.js';
import type { WaitPoint } from '../waiting/blocking.js';
import { CONDITION, NOTIFIED_SHIFT, WAITERS_ASLEEP, WAITING_MASK } from './condition-layout.js';

const waitingIn = (count: number): number => count & WAITING_MASK;
const notifiedIn = (count: number): number =>
  Math.min((count >>> NOTIFIED_SHIFT) & WAITING_MASK, waitingIn(count));
const pack = (waiting: number, notified: number, asleep: number): number =>
  waiting | (notified << NOTIFIED_SHIFT) | asleep;

/** One wait of this environment. */
export interface Ticket {
  /** Somebody died who had been notified and had not gone on: the wait goes for the lock, to see whether it may instead. */
  orphan: boolean;
}

export class ConditionWords {
  readonly #words: Int32Array;
  readonly #table: SlotTable;
  readonly #path: string;
  /** The waits of this environment, in the order in which they are notified. */
  readonly #tickets: Ticket[] = [];

  constructor({ words, header, roster, path }: Segment) {
    this.#words = words;
    this.#path = path;
    this.#table = new SlotTable(words, CONDITION.WAITERS, header.participants, roster);
  }

  #change(index: number, how: (count: number) => number): number {
    for (;;) {
      const found = Atomics.load(this.#words, index);
      // Pairs with every other step on the word, in particular arm() with #notify.
      if (Atomics.compareExchange(this.#words, index, found, how(found)) === found) return found;
    }
  }

  /**
   * The lock held: begins to wait. If we die from here on, the entry is a dead one's. `blocks`: this thread blocks, so it
   * goes before the other waits here that have not been notified: none of them could go on before it.
   */
  register(blocks: boolean): Ticket {
    const { predecessor, mine } = this.#table;
    // The entry will be ours: what a dead one before us was given goes to others first.
    if (!this.#table.isMine(predecessor))
      for (let left = notifiedIn(Atomics.load(this.#words, mine)); left > 0; left--) this.#passOn(mine);
    this.#table.claim();
    if (this.#tickets.length >= WAITING_MASK)
      throw new FullError(
        `'${this.#path}' has ${WAITING_MASK} waits of this process or worker already, and there can be no more`,
      );
    const before = this.#change(this.#table.mine, (count) =>
      pack(waitingIn(count) + 1, notifiedIn(count), count & WAITERS_ASLEEP),
    );
    const ticket = { orphan: false };
    this.#tickets.splice(blocks ? notifiedIn(before) : this.#tickets.length, 0, ticket);
    return ticket;
  }

  /** Whether it is worth taking the lock to end the wait. */
  ready(ticket: Ticket): boolean {
    return ticket.orphan || this.#notified(ticket, Atomics.load(this.#words, this.#table.mine));
  }

  /** The first waits of an environment are those that were notified. */
  #notified(ticket: Ticket, count: number): boolean {
    const place = this.#tickets.indexOf(ticket);
    return place >= 0 && place < notifiedIn(count);
  }

  /** Announces that somebody here sleeps until one more is notified. Looks for notifications of the dead on the way. */
  arm(ticket: Ticket): WaitPoint | undefined {
    const index = this.#table.mine;
    const found = Atomics.load(this.#words, index);
    ticket.orphan = this.#orphan() !== undefined;
    if (ticket.orphan || this.#notified(ticket, found)) return undefined;
    const expected = found | WAITERS_ASLEEP;
    // Pairs with #notifyOne: it finds the bit and wakes us, or this fails because the word has moved.
    if (found !== expected && Atomics.compareExchange(this.#words, index, found, expected) !== found)
      return undefined;
    return { words: this.#words, index, expected };
  }

  /** The lock held: ends the wait if it was notified, or may have a notification that a dead one was given. */
  end(ticket: Ticket): boolean {
    ticket.orphan = false;
    if (this.#notified(ticket, Atomics.load(this.#words, this.#table.mine))) {
      this.#leave(ticket);
      return true;
    }
    const orphan = this.#orphan();
    if (orphan === undefined) return false;
    this.#leave(ticket);
    // Last: if we die before it, the notification is there for the next.
    this.#change(orphan, (count) => pack(waitingIn(count), Math.max(0, notifiedIn(count) - 1), 0));
    return true;
  }

  /** Ends a wait that cannot come back for the lock, or that timed out: if it was notified, somebody else is instead. */
  giveUp(ticket: Ticket): void {
    // First: if we die after it, one has been notified for nothing, which is better than nobody.
    try {
      if (this.#notified(ticket, Atomics.load(this.#words, this.#table.mine))) this.#notifyOne();
    } finally {
      this.#leave(ticket);
    }
  }

  #leave(ticket: Ticket): void {
    const place = this.#tickets.indexOf(ticket);
    if (place < 0) return;
    this.#tickets.splice(place, 1);
    this.#change(this.#table.mine, (count) => {
      const notified = notifiedIn(count) - (place < notifiedIn(count) ? 1 : 0);
      return pack(Math.max(0, waitingIn(count) - 1), notified, count & WAITERS_ASLEEP);
    });
  }

  /** The lock held: notifies `n` of those who wait now; returns how many there were. */
  notify(n: number): number {
    for (let orphan = this.#orphan(); orphan !== undefined; orphan = this.#orphan()) this.#passOn(orphan);
    let done = 0;
    while (done < n && this.#notifyOne()) done++;
    return done;
  }

  #notifyOne(): boolean {
    for (;;) {
      const found = this.#findWaiting();
      if (found === undefined) return false;
      const [index, slot] = found;
      const count = Atomics.load(this.#words, index);
      if (notifiedIn(count) >= waitingIn(count)) continue;
      const after = pack(waitingIn(count), notifiedIn(count) + 1, 0);
      // Pairs with arm() and #change. If we die before the wake-up, it looks again within a second.
      if (Atomics.compareExchange(this.#words, index, count, after) !== count) continue;
      Atomics.store(this.#words, CONDITION.CURSOR, slot + 1); // a hint: others take their turn
      if ((count & WAITERS_ASLEEP) !== 0) native.futexWake(this.#words, index);
      return true;
    }
  }

  /** A living participant that has somebody to notify. */
  #findWaiting(): readonly [index: number, slot: number] | undefined {
    const from = Atomics.load(this.#words, CONDITION.CURSOR) >>> 0;
    let found: readonly [index: number, slot: number] | undefined;
    this.#table.some((owner, index, slot) => {
      const count = Atomics.load(this.#words, index);
      if (notifiedIn(count) >= waitingIn(count) || this.#table.isDead(owner)) return false;
      found = [index, slot];
      return true;
    }, from);
    return found;
  }

  /** Index of the count of a dead one that was notified and did not go on. */
  #orphan(): number | undefined {
    let found: number | undefined;
    this.#table.some((owner, index) => {
      if (notifiedIn(Atomics.load(this.#words, index)) === 0 || !this.#table.isDead(owner)) return false;
      found = index;
      return true;
    });
    return found;
  }

  /** The lock held: gives one notification of a dead one to somebody who waits; to nobody if nobody does. */
  #passOn(orphan: number): void {
    this.#notifyOne(); // first, as in giveUp
    this.#change(orphan, (count) => pack(waitingIn(count), Math.max(0, notifiedIn(count) - 1), 0));
  }
}

/** One for each attachment: the waits of one environment share an entry. */
export const conditionWordsOf = onePer((segment: Segment) => new ConditionWords(segment));
