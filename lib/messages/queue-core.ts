/**
 * One queue in shared memory: any number of processes put under one lock and get under another. Both are held for
 * microseconds, never while user code runs or anybody waits, and survive their holders. After the two-lock queue of M.
 * Michael and M. Scott (PODC 1996), with the free blocks as the list's other half.
 *
 * One store publishes each change (a message put, a message taken), so that whoever dies leaves it done or undone. What
 * comes after it (freeing blocks, waking) is repeated by the next one who gets the lock and is told of the death.
 */

import { damaged } from '../errors.js';
import type { Segment } from '../memory/segment.js';
import { type RobustLock, robustLockOf } from '../sync/robust-lock.js';
import { ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { SleepWord } from '../waiting/sleep-word.js';
import { QueueBlocks } from './queue-blocks.js';
import { QueueJobs } from './queue-jobs.js';
import { ENDED, NO_BLOCK, OTHER, QUEUE } from './queue-layout.js';
import type { QueueShape } from './queue-shape.js';

/** So often a lock that is held is looked at before the caller waits for it: it is held for a microsecond, mostly. */
const LOOKS = 8;
/** So often a moment is looked for at which nobody changes anything; a faulty peer could make sure that there is none. */
const MOST_ROUNDS = 1000;

/** What those who put (queue-puts.ts) and those who take (queue-takes.ts) share. */
export class QueueCore {
  readonly words: Int32Array;
  readonly segment: Segment;
  readonly blocks: QueueBlocks;
  readonly jobs: QueueJobs;
  readonly putLock: RobustLock;
  readonly getLock: RobustLock;
  readonly arrived: SleepWord;
  readonly room: SleepWord;
  readonly idle: SleepWord;
  readonly maxItems: number;
  /** Mends what one who died with the get lock left half done; QueueTakes sets it. */
  repairGets: () => void = () => undefined;
  /** The lock that this thread has, or is about to get or give back. */
  #inside: RobustLock | undefined;
  /** The lock for which the last attempt to put or take failed, if it failed only because somebody has it. */
  busy: RobustLock | undefined;

  constructor(segment: Segment, shape: QueueShape) {
    const { capacity, maxItems } = shape;
    const { words, path, roster, payload } = segment;
    this.segment = segment;
    this.words = words;
    this.blocks = new QueueBlocks(path, payload, capacity);
    this.jobs = new QueueJobs(words, roster, path, shape);
    this.putLock = robustLockOf(segment, QUEUE.PUT_LOCK);
    this.getLock = robustLockOf(segment, QUEUE.GET_LOCK);
    this.arrived = new SleepWord(words, QUEUE.ARRIVED);
    this.room = new SleepWord(words, QUEUE.ROOM);
    this.idle = new SleepWord(words, QUEUE.IDLE);
    this.maxItems = maxItems ?? Number.POSITIVE_INFINITY;
  }

  get puts(): number {
    return Atomics.load(this.words, QUEUE.PUTS); // pairs with QueuePuts.#putSome and end
  }

  get taken(): number {
    return Atomics.load(this.words, QUEUE.TAKEN); // pairs with QueueTakes.#publishTaken
  }

  /** Messages between two values of PUTS and TAKEN; more than there can be if the second is an old one. */
  between(puts: number, taken: number): number {
    const waiting = ((puts & ~(OTHER | ENDED)) - (taken & ~OTHER)) >> 2;
    if (waiting < 0) throw this.#corrupt('more was taken than was put');
    return waiting;
  }

  /** Messages between values of the same moment. */
  there(puts: number, taken: number): number {
    const there = this.between(puts, taken);
    if (there > this.blocks.most) throw this.#corrupt(`${there} messages are said to be in it`);
    return there;
  }

  #corrupt(what: string): Error {
    return damaged(this.segment.path, what);
  }

  get ended(): boolean {
    return (this.puts & ENDED) !== 0;
  }

  /** Messages that were put and never taken, at one moment. */
  get waiting(): number {
    for (let round = 1; ; round++) {
      const taken = this.taken;
      const puts = this.puts;
      // Both at the moment at which PUTS was read. It flips with every message: the loop goes on while others get on.
      if (this.taken === taken) return this.there(puts, taken);
      if (round === MOST_ROUNDS) return Math.min(this.between(puts, taken), this.blocks.most);
    }
  }

  /** Messages that can be taken, those that came back included, at one moment. */
  get size(): number {
    for (let round = 1; ; round++) {
      const taken = this.taken;
      const changes = this.jobs.changes;
      const puts = this.puts;
      const back = this.jobs.back(this.words[QUEUE.HEADS + ((taken & OTHER) >> 1)]!);
      if (this.taken === taken && this.jobs.changes === changes) return this.there(puts, taken) + back;
      if (round === MOST_ROUNDS) return Math.min(this.between(puts, taken), this.blocks.most) + back;
    }
  }

  /** True when there is no room for any message. */
  get full(): boolean {
    if (this.waiting >= this.maxItems) return true;
    for (let round = 1; ; round++) {
      const puts = this.puts;
      const tail = this.words[QUEUE.TAILS + ((puts & OTHER) >> 1)]!;
      const end = Atomics.load(this.words, QUEUE.FREE_END); // pairs with QueueTakes.#append
      if (this.puts === puts || round === MOST_ROUNDS) return tail === end && !this.reclaimable;
    }
  }

  /** True when everything that was put is done. */
  get allDone(): boolean {
    const taken = this.taken;
    // In this order: a job is in the table before its message counts as taken, and nothing was put in the meantime.
    return !this.jobs.open && this.between(this.puts, taken) === 0;
  }

  /** True for one who gets: it has ended, and nothing is there or can come back from others. */
  get over(): boolean {
    if (!this.ended) return false;
    const taken = this.taken;
    return !this.jobs.mayCome && this.between(this.puts, taken) === 0;
  }

  // ---- the locks

  /** Takes a lock unless somebody has it for longer than a moment. Whoever gets one from a dead holder repairs. */
  enter(lock: RobustLock): boolean {
    this.recover();
    this.#inside = lock;
    for (let look = 0; look < LOOKS; look++) {
      const abandoned = lock.seize();
      if (abandoned === PENDING) continue;
      this.busy = undefined;
      if (abandoned) this.#repair(lock);
      return true;
    }
    this.#inside = undefined;
    if (lock.heldHere) throw this.#heldByNobody();
    this.busy = lock;
    return false;
  }

  /** Gives a lock back. `sound`: nothing was left half done. */
  leave(lock: RobustLock, sound: boolean): void {
    lock.release(!sound);
    this.#inside = undefined;
  }

  /**
   * Nothing that runs with a lock runs code of others, so that it comes to its end; unless the script is broken off, by the
   * timeout of `vm` or Ctrl-C in the REPL, which skip every `finally`. What was left behind is then mended as after a death.
   */
  recover(): void {
    const left = this.#inside;
    if (left === undefined) return;
    this.#inside = undefined;
    if (left.heldHere) left.release(true);
  }

  #heldByNobody(): Error {
    return this.#corrupt('a lock word names this process, which does not hold it');
  }

  #repair(lock: RobustLock): void {
    try {
      if (lock === this.getLock) this.repairGets();
    } catch (error) {
      this.leave(lock, false);
      throw error;
    }
    // Whoever died may not have come to it.
    this.arrived.changed();
    this.room.changed();
    this.idle.changed();
  }

  /** What to sleep on until a lock is free; undefined if it may be had now. */
  armLock(lock: RobustLock): WaitPoint | undefined {
    this.recover();
    const point = lock.arm();
    if (point === ELSEWHERE) throw this.#heldByNobody();
    return point;
  }

  // ---- what both tell

  /** Nothing will follow. Needs no lock: a put that is under way fails. */
  end(): void {
    Atomics.or(this.words, QUEUE.PUTS, ENDED); // pairs with QueuePuts.#putSome
    this.arrived.changed();
    this.room.changed();
    this.idle.changed();
  }

  /** Something was taken or done: there is room, and perhaps all is done. */
  freed(): void {
    this.room.changed();
    // Pairs with armJoin: what was done was stored before this load; who marks the word afterwards finds it done.
    if (this.idle.marked && this.allDone) this.idle.changed();
  }

  /** True if there are blocks to free: of jobs that are done, or of what somebody took and was killed before it freed them. */
  get reclaimable(): boolean {
    return this.jobs.finished() !== undefined || Atomics.load(this.words, QUEUE.INTENT_FIRST) !== NO_BLOCK;
  }

  /** Announces that somebody sleeps until all is done. */
  armJoin(): WaitPoint | undefined {
    return this.idle.arm(); // pairs with freed; the caller looks once more
  }
}
