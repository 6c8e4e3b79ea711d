/**
 * What each participant of an object has at stake, in a table with an entry for each slot of the roster. The entries of
 * the dead are known by their owner: nothing has to be counted down for them.
 */

import { type Roster, slotOf } from './roster.js';
import { OWNER_ABANDONED, OWNER_MASK, OWNER_SLEEPERS } from './roster-layout.js';
import { ENTRY, ENTRY_WORDS } from './slot-table-layout.js';

/** Bytes of a table. */
export function slotTableBytes(participants: number): number {
  return 4 * ENTRY_WORDS * participants;
}

/** Indexes of a table's owner words, for ObjectType.ownerWords. */
export function slotTableOwners(first: number, participants: number): number[] {
  return Array.from({ length: participants }, (_, slot) => first + slot * ENTRY_WORDS + ENTRY.OWNER);
}

export class SlotTable {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #participants: number;
  readonly #roster: Roster;

  /** `first`: index of the table's first word. */
  constructor(words: Int32Array, first: number, participants: number, roster: Roster) {
    this.#words = words;
    this.#first = first;
    this.#participants = participants;
    this.#roster = roster;
  }

  #at(slot: number): number {
    return this.#first + slot * ENTRY_WORDS;
  }

  /** Index of this environment's own count. */
  get mine(): number {
    return this.#at(slotOf(this.#roster.owner)) + ENTRY.COUNT;
  }

  /** What this environment's entry says of who was here before it: the owner word, 0 if nobody was, our own if it is ours. */
  get predecessor(): number {
    return this.#ownerOf(slotOf(this.#roster.owner));
  }

  /** Makes the entry of this environment's slot its own, with a count of 0. Nothing happens if it is. */
  claim(): void {
    const { owner } = this.#roster;
    const at = this.#at(slotOf(owner));
    if (Atomics.load(this.#words, at + ENTRY.OWNER) === owner) return;
    // In this order: what it says until now is of a dead one, and counts for nothing. If we die, it stays so.
    Atomics.store(this.#words, at + ENTRY.COUNT, 0);
    Atomics.store(this.#words, at + ENTRY.OWNER, owner); // pairs with #ownerOf
  }

  /** Gives the entry back: this environment has nothing at stake any more. */
  leave(): void {
    const at = this.#at(slotOf(this.#roster.owner));
    if (Atomics.load(this.#words, at + ENTRY.OWNER) !== this.#roster.owner) return;
    Atomics.store(this.#words, at + ENTRY.OWNER, 0);
    Atomics.store(this.#words, at + ENTRY.COUNT, 0);
  }

  /** 0 if the entry is nobody's, or says something that it never does: whoever has another slot has that one's entry. */
  #ownerOf(slot: number): number {
    const found = Atomics.load(this.#words, this.#at(slot) + ENTRY.OWNER) & ~OWNER_SLEEPERS; // pairs with claim()
    return (found & OWNER_MASK) === 0 || slotOf(found) === slot ? found : 0;
  }

  /**
   * Visits the entries that are somebody's, this environment's own and those of the dead included, from the slot `from` on,
   * all round, until `visit` returns true. Whether it did. `count`: the index of the count.
   */
  some(visit: (owner: number, count: number, slot: number) => boolean, from = 0): boolean {
    for (let n = 0; n < this.#participants; n++) {
      const slot = (from + n) % this.#participants;
      const owner = this.#ownerOf(slot);
      if (owner !== 0 && visit(owner, this.#at(slot) + ENTRY.COUNT, slot)) return true;
    }
    return false;
  }

  /** Frees the entries of the dead. */
  forgetDead(): void {
    for (let slot = 0; slot < this.#participants; slot++) {
      const owner = Atomics.load(this.#words, this.#at(slot) + ENTRY.OWNER);
      if (owner === 0 || !this.isDead(owner)) continue;
      // Pairs with claim(): a newcomer that has the slot by now has written its own owner, which stays.
      Atomics.compareExchange(this.#words, this.#at(slot) + ENTRY.OWNER, owner, 0);
    }
  }

  /** As Roster.isDead, for what stands in a table. */
  isDead(owner: number): boolean {
    return (owner & OWNER_ABANDONED) !== 0 || (owner & OWNER_MASK) === 0 || this.#roster.isDead(owner);
  }

  /** As isDead, from memory alone. */
  looksDead(owner: number): boolean {
    return (owner & OWNER_ABANDONED) !== 0 || (owner & OWNER_MASK) === 0 || this.#roster.looksDead(owner);
  }

  isMine(owner: number): boolean {
    return owner === this.#roster.owner;
  }
}

/** For tools: the entries of a copied table. `ownerAt` tells who an owner word names. */
export function readSlotTable<T extends { readonly alive: boolean }>(
  words: Int32Array,
  first: number,
  participants: number,
  ownerAt: (index: number) => T | undefined,
): { owner: T; count: number }[] {
  const found: { owner: T; count: number }[] = [];
  for (let slot = 0; slot < participants; slot++) {
    const at = first + slot * ENTRY_WORDS;
    const owner = ownerAt(at + ENTRY.OWNER);
    if (owner !== undefined) found.push({ owner, count: words[at + ENTRY.COUNT] ?? 0 });
  }
  return found;
}
