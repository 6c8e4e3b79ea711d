/**
 * Permits, each a word that names the participant who has it: claiming and saying who claims are one step, so that a
 * permit is never nobody's and lost. After the RobustUniqueIndexSet of iceoryx2 (iceoryx2-bb/lock-free).
 *
 * Whoever has a permit writes its word when giving it back; everybody else only ever compare-exchanges it, from free or
 * dead to itself.
 */

import { onePer } from '../memory/one-per.js';
import { type Holder, type Roster, slotOf } from '../memory/roster.js';
import { OWNER_ABANDONED, OWNER_MASK } from '../memory/roster-layout.js';
import type { Segment } from '../memory/segment.js';
import { PENDING, type WaitPoint } from '../waiting/blocking.js';
import { SleepWord } from '../waiting/sleep-word.js';
import { Lines } from '../waiting/waitable.js';
import type { Acquirable } from './acquirer.js';
import { HOLD_OFF, HoldOff } from './hold-off.js';
import { POOL } from './pool-layout.js';

/** This environment's side of one pool, shared by all handles on it. */
export class PermitWords implements Acquirable {
  readonly lines = new Lines();
  readonly #words: Int32Array;
  readonly #roster: Roster;
  readonly #permits: number;
  readonly #sleep: SleepWord;
  readonly #holdOff = new HoldOff();
  /** Which permits this environment has. */
  readonly #mine: number[] = [];

  constructor({ words, roster }: Segment, permits: number) {
    this.#words = words;
    this.#roster = roster;
    this.#permits = permits;
    this.#sleep = new SleepWord(words, POOL.SLEEP);
  }

  get selfBlocking(): string | undefined {
    if (this.#mine.length < this.#permits) return undefined;
    return 'has given all its permits to this very process or worker';
  }

  get free(): boolean {
    for (let index = POOL.PERMITS; index < POOL.PERMITS + this.#permits; index++) {
      const found = Atomics.load(this.#words, index);
      if ((found & OWNER_MASK) === 0 || this.#roster.looksDead(found)) return true;
    }
    return false;
  }

  attempt(): boolean | typeof PENDING {
    return this.#holdOff.active ? PENDING : this.#take();
  }

  attemptSync(): boolean | typeof PENDING {
    return this.attempt();
  }

  attemptOnce(): boolean | typeof PENDING {
    const abandoned = this.#take();
    if (abandoned !== PENDING) return abandoned;
    this.#abandonDead();
    return this.#take();
  }

  #take(): boolean | typeof PENDING {
    const first = slotOf(this.#roster.owner); // participants begin at different permits
    for (let n = 0; n < this.#permits; n++) {
      const permit = (first + n) % this.#permits;
      const index = POOL.PERMITS + permit;
      const found = Atomics.load(this.#words, index);
      const held = (found & OWNER_MASK) !== 0;
      if (held && !this.#roster.looksDead(found)) continue;
      // Pairs with every other CAS here and with the claim of the dead one's slot: one of several wins, the others search
      // on. If we die after it, the permit is ours and comes back.
      if (Atomics.compareExchange(this.#words, index, found, this.#roster.owner) !== found) continue;
      this.#mine.push(permit);
      return held || (found & OWNER_ABANDONED) !== 0;
    }
    this.#holdOff.end();
    return PENDING;
  }

  /** Says in the words who is dead, which may take the kernel to know. Whether there is anything to take. */
  #abandonDead(): boolean {
    let some = false;
    for (let index = POOL.PERMITS; index < POOL.PERMITS + this.#permits; index++) {
      const found = Atomics.load(this.#words, index);
      if ((found & OWNER_MASK) !== 0) {
        if (!this.#roster.isDead(found)) continue;
        // Pairs with every other CAS on the word: if it fails, somebody has taken the permit or said the same.
        Atomics.compareExchange(this.#words, index, found, OWNER_ABANDONED);
      }
      some = true;
    }
    return some;
  }

  armSync(): WaitPoint | undefined {
    // A hold-off is spent asleep, not looking.
    if (this.#holdOff.active)
      return { words: this.#words, index: POOL.SLEEP, expected: this.#sleepWord, slice: HOLD_OFF };
    return this.arm();
  }

  get #sleepWord(): number {
    return Atomics.load(this.#words, POOL.SLEEP);
  }

  arm(): WaitPoint | undefined {
    if (this.#abandonDead()) return undefined;
    const point = this.#sleep.arm(); // pairs with release(); the caller searches once more
    const owners = this.#owners();
    // One that was given back before we announced ourselves: whoever takes it now would not be watched.
    if (point === undefined || owners.has(0)) return undefined;
    owners.delete(this.#roster.owner);
    const watched = this.#roster.watch(...owners);
    return watched && { ...point, ...watched };
  }

  /** Everybody who has a permit, each once; 0 if one is nobody's. */
  #owners(): Set<number> {
    const owners = new Set<number>();
    for (let index = POOL.PERMITS; index < POOL.PERMITS + this.#permits; index++)
      owners.add(Atomics.load(this.#words, index) & OWNER_MASK);
    return owners;
  }

  release(abandoned: boolean): boolean {
    const permit = this.#mine.pop();
    if (permit === undefined) return false;
    const { owner } = this.#roster;
    // Pairs with #take. If we die before the wake-up, our mark wakes those who watch it, and the others look again.
    if (
      Atomics.compareExchange(this.#words, POOL.PERMITS + permit, owner, abandoned ? OWNER_ABANDONED : 0) !==
      owner
    )
      return false;
    if (this.#sleep.changed()) this.#holdOff.start();
    // Not now: see RobustLock.release.
    this.lines.tellSoon();
    return true;
  }

  /** How many permits could be taken now. */
  get available(): number {
    let free = 0;
    for (let index = POOL.PERMITS; index < POOL.PERMITS + this.#permits; index++) {
      const found = Atomics.load(this.#words, index);
      if ((found & OWNER_MASK) === 0 || this.#roster.isDead(found)) free++;
    }
    return free;
  }

  /** Who has permits, each once, the living only. */
  get holders(): Holder[] {
    const living = [...this.#owners()].filter((owner) => owner !== 0 && !this.#roster.isDead(owner));
    return living.map((owner) => this.#roster.holderOf(owner));
  }
}

/** One for each attachment: handles of one environment share its permits. */
export const permitWordsOf = onePer((segment: Segment, permits: number) => new PermitWords(segment, permits));
