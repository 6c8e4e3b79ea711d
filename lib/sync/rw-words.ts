/**
 * Many readers or one writer, in a word for the writer and a count for each participant that reads. A reader says that it
 * reads and then looks for a writer; a writer says that it writes and then looks for readers: one of them sees the other
 * (Dekker's order, with sequentially consistent Atomics). Readers of different processes share no word that they write.
 * After the "big-reader" locks of Linux (brlock, percpu_rw_semaphore), with owners that may die.
 *
 * New readers stay out once a writer is in WRITER: writers do not starve. Counts of the dead count for nothing, and a
 * dead writer is replaced by whoever comes next; DIRTY tells that it died in the middle of writing.
 */

import { onePer } from '../memory/one-per.js';
import type { Holder, Roster } from '../memory/roster.js';
import { OWNER_MASK, OWNER_SLEEPERS } from '../memory/roster-layout.js';
import type { Segment } from '../memory/segment.js';
import { SlotTable } from '../memory/slot-table.js';
import { native } from '../native/load.js';
import { ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { SleepWord } from '../waiting/sleep-word.js';
import { Lines } from '../waiting/waitable.js';
import type { Acquirable } from './acquirer.js';
import { HOLD_OFF, HoldOff } from './hold-off.js';
import { RWLOCK } from './rwlock-layout.js';

/** What both sides of this environment know. */
class Shared {
  readonly words: Int32Array;
  readonly roster: Roster;
  readonly readers: SlotTable;
  readonly drain: SleepWord;
  readonly holdOff = new HoldOff();
  readonly lines = new Lines();
  /** Read guards of this environment. */
  reading = 0;
  /** What this environment is as a writer: 'next' is in WRITER and waits for the readers to leave. */
  writer: 'none' | 'next' | 'writing' = 'none';

  constructor({ words, roster, header }: Segment) {
    this.words = words;
    this.roster = roster;
    this.readers = new SlotTable(words, RWLOCK.READERS, header.participants, roster);
    this.drain = new SleepWord(words, RWLOCK.DRAIN);
  }

  /** Who is in WRITER and not known to be dead; 0 if nobody. What a dead one left there is taken out. */
  livingWriter(ask: boolean): number {
    const { words, roster } = this;
    for (;;) {
      const found = Atomics.load(words, RWLOCK.WRITER);
      if (found === 0) return 0;
      // Without an owner, but not free: of a dead one whose slot has been taken by another, who has marked it.
      const dead = (found & OWNER_MASK) === 0 || (ask ? roster.isDead(found) : roster.looksDead(found));
      if (!dead) return found;
      // Pairs with every other CAS on the word: one of several takes the dead one out, the others look again.
      if (Atomics.compareExchange(words, RWLOCK.WRITER, found, 0) !== found) continue;
      // They sleep on its mark: from now on they need not wait at all.
      if ((found & OWNER_SLEEPERS) !== 0) native.futexWake(words, RWLOCK.WRITER);
      return 0;
    }
  }

  /** Whether somebody is in WRITER who is not known to be dead. Changes nothing. */
  get anyWriter(): boolean {
    const found = Atomics.load(this.words, RWLOCK.WRITER);
    return (found & OWNER_MASK) !== 0 && !this.roster.looksDead(found);
  }

  /** Sleeps until WRITER changes, or the one in it dies. */
  armOnWriter(): WaitPoint | typeof ELSEWHERE | undefined {
    const { words, roster } = this;
    if (this.writer === 'writing') return ELSEWHERE; // whatever the word says: its release tells our lines
    const found = this.livingWriter(true);
    if (found === 0) return undefined;
    if ((found & OWNER_MASK) === roster.owner && this.writer === 'next') return ELSEWHERE; // so does the end of its wait
    const watched = roster.watch(found);
    if (watched === undefined) return undefined;
    const expected = found | OWNER_SLEEPERS;
    // Pairs with leaveWriter(): either it finds the bit and wakes us, or this fails because the word has moved.
    if (found !== expected && Atomics.compareExchange(words, RWLOCK.WRITER, found, expected) !== found)
      return undefined;
    return { words, index: RWLOCK.WRITER, expected, ...watched };
  }

  /** This environment gives the word back. */
  leaveWriter(): void {
    this.writer = 'none';
    // Pairs with armOnWriter (the bit tells us to wake) and with those who take the word or begin to read. If we die
    // before the wake-up, our mark wakes them.
    const before = Atomics.exchange(this.words, RWLOCK.WRITER, 0);
    if ((before & OWNER_SLEEPERS) !== 0) {
      native.futexWake(this.words, RWLOCK.WRITER);
      this.holdOff.start();
    }
    this.wakeLines();
  }

  /** This environment has one reader less. */
  leaveReader(): void {
    // Pairs with WriteWords.#blockers: it sees the count, or we see that it sleeps. If we die in between, our mark wakes it.
    if (Atomics.sub(this.words, this.readers.mine, 1) === 1) this.drain.changed();
  }

  /** Not now: see RobustLock.release. */
  wakeLines(): void {
    this.lines.tellSoon();
  }
}

/** This environment's readers, of all handles. */
class ReadWords implements Acquirable {
  readonly #shared: Shared;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  get lines(): Lines {
    return this.#shared.lines;
  }

  get selfBlocking(): string | undefined {
    return this.#shared.writer === 'writing'
      ? 'is held for writing by this very process or worker'
      : undefined;
  }

  get free(): boolean {
    return this.#shared.writer !== 'writing' && !this.#shared.anyWriter;
  }

  attempt(): boolean | typeof PENDING {
    return this.#enter(false);
  }

  attemptOnce(): boolean | typeof PENDING {
    this.#shared.livingWriter(true);
    return this.#enter(false);
  }

  /** No writer of ours that is next can get on while this thread blocks, and none of others while we read. */
  attemptSync(): boolean | typeof PENDING {
    const { reading, writer } = this.#shared;
    return this.#enter(reading > 0 || writer === 'next');
  }

  /** `past`: also past a writer that is next. */
  #enter(past: boolean): boolean | typeof PENDING {
    const shared = this.#shared;
    const { words, readers } = shared;
    if (shared.writer === 'writing') return PENDING;
    if (!past && shared.livingWriter(false) !== 0) return PENDING;
    readers.claim();
    // Pairs with WriteWords.#blockers: a writer sees that we read, or we see the writer. If we die after it, the count is
    // of a dead one.
    Atomics.add(words, readers.mine, 1);
    const writer = Atomics.load(words, RWLOCK.WRITER) & OWNER_MASK;
    const mayGoOn = writer === 0 || (past && (shared.reading > 0 || writer === shared.roster.owner));
    if (!mayGoOn) {
      shared.leaveReader();
      return PENDING;
    }
    const abandoned = Atomics.load(words, RWLOCK.DIRTY) !== 0; // no writer changes it while we read
    shared.reading++;
    return abandoned;
  }

  armSync(): WaitPoint | typeof ELSEWHERE | undefined {
    return this.arm();
  }

  arm(): WaitPoint | typeof ELSEWHERE | undefined {
    return this.#shared.armOnWriter();
  }

  release(): boolean {
    const shared = this.#shared;
    if (shared.reading === 0) return false;
    shared.reading--;
    shared.leaveReader();
    if (shared.writer === 'next') shared.wakeLines();
    return true;
  }

  /** Who reads, each once. */
  get holders(): Holder[] {
    const { words, readers, roster } = this.#shared;
    const found: Holder[] = [];
    readers.some((owner, count) => {
      if (Atomics.load(words, count) !== 0 && !readers.isDead(owner)) found.push(roster.holderOf(owner));
      return false;
    });
    return found;
  }
}

/** This environment as a writer, of all handles. */
class WriteWords implements Acquirable {
  readonly #shared: Shared;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  get lines(): Lines {
    return this.#shared.lines;
  }

  get selfBlocking(): string | undefined {
    const { writer, reading } = this.#shared;
    if (writer === 'writing') return 'is held for writing by this very process or worker';
    if (reading > 0)
      return 'is held for reading by this very process or worker (a read lock cannot be turned into a write lock)';
    return undefined;
  }

  get free(): boolean {
    const { writer, anyWriter } = this.#shared;
    return writer !== 'writing' && (writer === 'next' || !anyWriter) && !this.#anyReader(false);
  }

  attempt(): boolean | typeof PENDING {
    return this.#take(true, false);
  }

  attemptSync(): boolean | typeof PENDING {
    return this.#take(true, false);
  }

  /** Not taken at once: nothing stays behind. */
  attemptOnce(): boolean | typeof PENDING {
    const waits = this.#shared.writer === 'next';
    this.#shared.livingWriter(true);
    try {
      return this.#take(false, true);
    } finally {
      if (!waits) this.giveUp();
    }
  }

  #take(polite: boolean, ask: boolean): boolean | typeof PENDING {
    const shared = this.#shared;
    const { words, roster } = shared;
    if (shared.writer === 'writing') return PENDING;
    if (shared.writer === 'none') {
      if (shared.livingWriter(false) !== 0) {
        shared.holdOff.end();
        return PENDING;
      }
      if (polite && shared.holdOff.active) return PENDING;
      // Pairs with every other CAS on the word (one of several wins) and with ReadWords.#enter. If we die after it,
      // whoever comes next takes us out.
      if (Atomics.compareExchange(words, RWLOCK.WRITER, 0, roster.owner) !== 0) return PENDING;
      shared.writer = 'next';
    }
    if (this.#anyReader(ask)) return PENDING;
    const abandoned = Atomics.exchange(words, RWLOCK.DIRTY, 1) !== 0; // ours alone: we are in WRITER and nobody reads
    shared.writer = 'writing';
    return abandoned;
  }

  /** Whether anybody reads; pairs with ReadWords.#enter and Shared.leaveReader. */
  #anyReader(ask: boolean): boolean {
    const { words, readers } = this.#shared;
    return readers.some((owner, count) => {
      if (Atomics.load(words, count) === 0) return false;
      return !(ask ? readers.isDead(owner) : readers.looksDead(owner));
    });
  }

  armSync(): WaitPoint | typeof ELSEWHERE | undefined {
    const { holdOff, words } = this.#shared;
    // A hold-off is spent asleep, not looking.
    if (this.#shared.writer === 'none' && holdOff.active)
      return { words, index: RWLOCK.WRITER, expected: 0, slice: HOLD_OFF };
    return this.arm();
  }

  arm(): WaitPoint | typeof ELSEWHERE | undefined {
    const shared = this.#shared;
    if (shared.writer === 'writing') return ELSEWHERE; // its release tells our lines
    if (shared.writer === 'none') return shared.armOnWriter();
    return this.#armOnReaders();
  }

  /** As arm, without being in WRITER: whoever gets in there before the readers have left is seen when they have. */
  armLooking(): WaitPoint | typeof ELSEWHERE | undefined {
    const shared = this.#shared;
    if (shared.writer === 'writing') return ELSEWHERE;
    if (shared.writer === 'none' && shared.livingWriter(true) !== 0) return shared.armOnWriter();
    return this.#armOnReaders();
  }

  /** Sleeps until no other environment reads, or one that does dies. */
  #armOnReaders(): WaitPoint | undefined {
    const shared = this.#shared;
    const point = shared.drain.arm(); // pairs with leaveReader(); the caller looks once more
    const blockers: number[] = [];
    let someDead = false;
    shared.readers.some((owner, count) => {
      if (Atomics.load(shared.words, count) === 0) return false;
      if (shared.readers.isDead(owner)) someDead = true;
      else blockers.push(owner);
      return false;
    });
    // It may have taken the kernel to know, and attempt() looks at memory alone: says so there.
    if (someDead) shared.readers.forgetDead();
    if (point === undefined || someDead || blockers.length === 0) return undefined;
    const watched = shared.roster.watch(...blockers.filter((owner) => owner !== shared.roster.owner));
    return watched && { ...point, ...watched };
  }

  /** Nobody here waits to write any more: lets the readers in again. */
  giveUp(): void {
    if (this.#shared.writer === 'next') this.#shared.leaveWriter();
  }

  release(abandoned: boolean): boolean {
    const shared = this.#shared;
    if (shared.writer !== 'writing') return false;
    shared.writer = 'none';
    if ((Atomics.load(shared.words, RWLOCK.WRITER) & OWNER_MASK) !== shared.roster.owner) {
      shared.wakeLines(); // the word was overwritten; they relied on us
      return false;
    }
    // Before the word is given back: whoever comes next reads it. If we die before it, we died writing.
    if (!abandoned) Atomics.store(shared.words, RWLOCK.DIRTY, 0);
    shared.leaveWriter();
    return true;
  }

  /** Who writes, or is next; undefined if nobody alive. */
  get holder(): Holder | undefined {
    const found = this.#shared.livingWriter(true);
    return found === 0 ? undefined : this.#shared.roster.holderOf(found);
  }
}

/** One for each attachment: handles of one environment exclude each other, too. */
export const rwWordsOf = onePer((segment: Segment) => {
  const shared = new Shared(segment);
  return { read: new ReadWords(shared), write: new WriteWords(shared) };
});
