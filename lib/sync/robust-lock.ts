/**
 * A lock in one word that survives its holder: the word names the participant that holds it, and whoever finds that one
 * dead takes the lock over and is told. After the robust futexes of Linux (Documentation/locking/robust-futexes.rst),
 * with the owner a roster slot instead of a thread id.
 *
 * The word: see memory/roster-layout.ts. 0: free. The holder writes it when it releases; everybody else only ever
 * compare-exchanges: from free or dead to itself, or the sleepers' bit into it.
 */

import { onePer } from '../memory/one-per.js';
import type { Holder, Roster } from '../memory/roster.js';
import { OWNER_ABANDONED, OWNER_MASK, OWNER_SLEEPERS } from '../memory/roster-layout.js';
import type { Segment } from '../memory/segment.js';
import { native } from '../native/load.js';
import { ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { Lines } from '../waiting/waitable.js';
import type { Acquirable } from './acquirer.js';
import { HOLD_OFF, HoldOff } from './hold-off.js';

/** This environment's side of one lock word, shared by all handles on it. */
export class RobustLock implements Acquirable {
  readonly #words: Int32Array;
  readonly #index: number;
  readonly #roster: Roster;
  /** Where promise forms of this environment wait; told directly when the lock is released here. */
  readonly lines = new Lines();
  readonly #holdOff = new HoldOff();
  readonly #takesTurns: boolean;

  /** `takesTurns`: whoever spins gets it in turn, not sooner or later. Costs a way between processors each time. */
  constructor(words: Int32Array, index: number, roster: Roster, takesTurns: boolean) {
    this.#takesTurns = takesTurns;
    this.#words = words;
    this.#index = index;
    this.#roster = roster;
  }

  /** True while this environment holds the lock. */
  get heldHere(): boolean {
    const found = Atomics.load(this.#words, this.#index);
    return (found & OWNER_MASK) === this.#roster.owner;
  }

  get selfBlocking(): string | undefined {
    return this.heldHere ? 'is held by this very process or worker' : undefined;
  }

  /** Who holds the lock; undefined when it is free or its holder is dead. */
  get holder(): Holder | undefined {
    const found = Atomics.load(this.#words, this.#index);
    if ((found & OWNER_MASK) === 0 || this.#roster.isDead(found)) return undefined;
    return this.#roster.holderOf(found);
  }

  get free(): boolean {
    const found = Atomics.load(this.#words, this.#index);
    return (found & OWNER_MASK) === 0 || this.#roster.looksDead(found);
  }

  /** True if the last holder is gone and left what the lock protects as it was. Asks the kernel if it must. */
  get abandoned(): boolean {
    const found = Atomics.load(this.#words, this.#index);
    if (found === 0 || !this.#abandonIfDead()) return false;
    return (Atomics.load(this.#words, this.#index) & OWNER_ABANDONED) !== 0;
  }

  /** Takes the lock if it is free or its holder is known to be dead; whether it was abandoned. */
  attempt(): boolean | typeof PENDING {
    return this.#take(true);
  }

  attemptSync(): boolean | typeof PENDING {
    return this.#take(true);
  }

  giveTurn(): void {
    if (this.#takesTurns) this.#holdOff.giveTurn();
  }

  /** As attempt, asking the kernel about the holder, and whoever else may be waiting. */
  attemptOnce(): boolean | typeof PENDING {
    const abandoned = this.#take(false);
    return abandoned === PENDING && this.#abandonIfDead() ? this.#take(false) : abandoned;
  }

  /** As attempt, for who holds it for microseconds only: without leaving it to others. */
  seize(): boolean | typeof PENDING {
    return this.#take(false);
  }

  #take(polite: boolean): boolean | typeof PENDING {
    const words = this.#words;
    for (;;) {
      const found = Atomics.load(words, this.#index);
      const held = (found & OWNER_MASK) !== 0;
      if (held && !this.#roster.looksDead(found)) {
        if ((found & OWNER_MASK) !== this.#roster.owner) this.#holdOff.end();
        return PENDING;
      }
      if (polite && found === 0 && this.#holdOff.active) return PENDING;
      const sleepers = found & OWNER_SLEEPERS;
      // Pairs with every other CAS here and with the claim of the dead one's slot: one of several wins. If we die after
      // it, the lock is ours and abandoned.
      if (Atomics.compareExchange(words, this.#index, found, this.#roster.owner | sleepers) !== found)
        continue;
      // They sleep on the dead holder's mark: from now on it is ours that they must watch.
      if (sleepers !== 0) native.futexWake(words, this.#index);
      return held || (found & OWNER_ABANDONED) !== 0;
    }
  }

  /** As arm, for a thread that blocks: it spends a hold-off asleep, not looking. */
  armSync(): WaitPoint | typeof ELSEWHERE | undefined {
    if (this.#holdOff.active) return { words: this.#words, index: this.#index, expected: 0, slice: HOLD_OFF };
    return this.arm();
  }

  /** Announces that somebody sleeps until the lock is released. */
  arm(): WaitPoint | typeof ELSEWHERE | undefined {
    const words = this.#words;
    const index = this.#index;
    const found = Atomics.load(words, index);
    if (found === 0) return undefined;
    if ((found & OWNER_MASK) === this.#roster.owner) return ELSEWHERE; // release() tells our lines
    if (this.#abandonIfDead()) return undefined;
    const watched = this.#roster.watch(found);
    if (watched === undefined) return undefined;
    const expected = found | OWNER_SLEEPERS;
    // Pairs with release(): either it finds the bit and wakes us, or this fails because the word has moved.
    if (found !== expected && Atomics.compareExchange(words, index, found, expected) !== found)
      return undefined;
    return { words, index, expected, ...watched };
  }

  /** If the holder is dead, which may take the kernel to know: says so in the word. Whether the lock can be taken. */
  #abandonIfDead(): boolean {
    const found = Atomics.load(this.#words, this.#index);
    if ((found & OWNER_MASK) === 0) return true;
    if (!this.#roster.isDead(found)) return false;
    // Pairs with every other CAS on the word: if it fails, somebody else has taken the lock or said the same.
    Atomics.compareExchange(this.#words, this.#index, found, OWNER_ABANDONED | (found & OWNER_SLEEPERS));
    return true;
  }

  /** Gives the lock back; false if this environment does not hold it. `abandoned`: what it protects may be half done. */
  release(abandoned: boolean): boolean {
    if (!this.heldHere) return false;
    // Pairs with arm() (the bit tells us to wake) and with #take (what we wrote before is seen by who takes it). If we
    // die before the wake-up, our mark wakes them.
    const before = Atomics.exchange(this.#words, this.#index, abandoned ? OWNER_ABANDONED : 0);
    if ((before & OWNER_SLEEPERS) !== 0) {
      native.futexWake(this.#words, this.#index);
      this.#holdOff.start();
    }
    this.#holdOff.released();
    // Not now: a Sync form that follows in this very tick would find the lock given to a promise that cannot run.
    this.lines.tellSoon();
    return true;
  }
}

const locksOf = onePer((_segment: Segment) => new Map<number, RobustLock>());

/** One for each word of each attachment: handles of one environment exclude each other, too. */
export function robustLockOf(segment: Segment, index: number, takesTurns = false): RobustLock {
  const locks = locksOf(segment);
  let lock = locks.get(index);
  if (lock === undefined) {
    lock = new RobustLock(segment.words, index, segment.roster, takesTurns);
    locks.set(index, lock);
  }
  return lock;
}
