/**
 * One queue in shared memory: any number of processes put under one lock and get under another. Both are held for
 * microseconds, never while user code runs or anybody waits, and survive their holders. After the two-lock queue of M.
 * Michael and M. Scott (PODC 1996), with the free blocks as the list's other half.
 *
 * One store publishes each change (a message put, a message taken), so that whoever dies leaves it done or undone. What
 * comes after it (freeing blocks, waking) is repeated by the next one who gets the lock and is told of the death.
 */

import type { Segment } from '../memory/segment.js';
import { type RobustLock, robustLockOf } from '../sync/robust-lock.js';
import { ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { SleepWord } from '../waiting/sleep-word.js';
import type { Written } from './message.js';
import { QueueBlocks } from './queue-blocks.js';
import { QueueJobs } from './queue-jobs.js';
import { COUNT_STEP, ENDED, JOB_DONE, JOB_RETURNED, NO_BLOCK, OTHER, QUEUE } from './queue-layout.js';
import type { QueueShape } from './queue-shape.js';
import { corrupt } from './ring-writer.js';

/** Copies a message out of the blocks that `find` has found; called with the get lock held. */
export type CopyOut<R> = (blocks: QueueBlocks) => R;

/** A message that was taken. */
export interface TakenJob<R> {
  readonly job: number;
  readonly attempt: number;
  readonly message: R;
}

/** So often a lock that is held is looked at before the caller waits for it: it is held for a microsecond, mostly. */
const LOOKS = 8;
/** When so many bytes have been copied, others may have the lock. */
const MOST_BYTES = 256 * 1024;

export class QueueWords {
  readonly jobs: QueueJobs;
  readonly largest: number;
  readonly #words: Int32Array;
  readonly #segment: Segment;
  readonly #blocks: QueueBlocks;
  readonly #putLock: RobustLock;
  readonly #getLock: RobustLock;
  readonly #arrived: SleepWord;
  readonly #room: SleepWord;
  readonly #idle: SleepWord;
  readonly #maxItems: number;
  /** The lock for which the last attempt to put or take failed, if it failed only because somebody has it. */
  busy: RobustLock | undefined;

  constructor(segment: Segment, shape: QueueShape) {
    const { capacity, maxItems } = shape;
    const { words, path, roster, payload } = segment;
    this.#segment = segment;
    this.#words = words;
    this.#blocks = new QueueBlocks(path, payload, capacity);
    this.jobs = new QueueJobs(words, roster, path, shape);
    this.largest = this.#blocks.largest;
    this.#putLock = robustLockOf(segment, QUEUE.PUT_LOCK);
    this.#getLock = robustLockOf(segment, QUEUE.GET_LOCK);
    this.#arrived = new SleepWord(words, QUEUE.ARRIVED);
    this.#room = new SleepWord(words, QUEUE.ROOM);
    this.#idle = new SleepWord(words, QUEUE.IDLE);
    this.#maxItems = maxItems ?? Number.POSITIVE_INFINITY;
  }

  get #puts(): number {
    return Atomics.load(this.#words, QUEUE.PUTS); // pairs with #putSome and end
  }

  get #taken(): number {
    return Atomics.load(this.#words, QUEUE.TAKEN); // pairs with #publishTaken
  }

  /** Messages between two values of PUTS and TAKEN; more than there can be if the second is an old one. */
  #between(puts: number, taken: number): number {
    const waiting = ((puts & ~(OTHER | ENDED)) - (taken & ~OTHER)) >> 2;
    if (waiting < 0) throw this.#corrupt('more was taken than was put');
    return waiting;
  }

  /** Messages between values of the same moment. */
  #there(puts: number, taken: number): number {
    const there = this.#between(puts, taken);
    if (there > this.#blocks.most) throw this.#corrupt(`${there} messages are said to be in it`);
    return there;
  }

  #corrupt(what: string): Error {
    return corrupt(this.#segment.path, what);
  }

  get ended(): boolean {
    return (this.#puts & ENDED) !== 0;
  }

  /** Messages that were put and never taken, at one moment. */
  get waiting(): number {
    for (;;) {
      const taken = this.#taken;
      const puts = this.#puts;
      // Both at the moment at which PUTS was read. It flips with every message: the loop ends unless others get on.
      if (this.#taken === taken) return this.#there(puts, taken);
    }
  }

  /** Messages that can be taken, those that came back included, at one moment. */
  get size(): number {
    for (;;) {
      const taken = this.#taken;
      const puts = this.#puts;
      const { back } = this.jobs;
      if (this.#taken === taken) return this.#there(puts, taken) + back;
    }
  }

  /** True when there is no room for any message. */
  get full(): boolean {
    if (this.waiting >= this.#maxItems) return true;
    for (;;) {
      const puts = this.#puts;
      const tail = this.#words[QUEUE.TAILS + ((puts & OTHER) >> 1)]!;
      const end = Atomics.load(this.#words, QUEUE.FREE_END);
      if (this.#puts === puts) return tail === end && !this.#reclaimable;
    }
  }

  /** True when everything that was put is done. */
  get allDone(): boolean {
    const taken = this.#taken;
    // In this order: a job is in the table before its message counts as taken, and nothing was put in the meantime.
    return !this.jobs.open && this.#between(this.#puts, taken) === 0;
  }

  /** True for one who gets: it has ended, and nothing is there or can come back from others. */
  get over(): boolean {
    if (!this.ended) return false;
    const taken = this.#taken;
    return !this.jobs.mayCome && this.#between(this.#puts, taken) === 0;
  }

  // ---- the locks

  /** Takes a lock unless somebody has it for longer than a moment. Whoever gets one from a dead holder repairs. */
  #enter(lock: RobustLock): boolean {
    for (let look = 0; look < LOOKS; look++) {
      const abandoned = lock.seize();
      if (abandoned === PENDING) continue;
      this.busy = undefined;
      if (abandoned) this.#repair(lock);
      return true;
    }
    if (lock.heldHere) throw this.#heldByNobody();
    this.busy = lock;
    return false;
  }

  #heldByNobody(): Error {
    return this.#corrupt('a lock word names this process, which does not hold it');
  }

  #repair(lock: RobustLock): void {
    try {
      if (lock === this.#getLock) this.#repairGets();
    } catch (error) {
      lock.release(true);
      throw error;
    }
    // Whoever died may not have come to it.
    this.#arrived.changed();
    this.#room.changed();
    this.#idle.changed();
  }

  /** What one who died with the get lock left half done. If we die here, the next one starts again. */
  #repairGets(): void {
    const { jobs } = this;
    const head = this.#words[QUEUE.HEADS + ((this.#taken & OTHER) >> 1)]!;
    // Its message does not count as taken: it is still the next one.
    for (let job = jobs.withFirst(head); job !== undefined; job = jobs.withFirst(head)) jobs.drop(job);
    jobs.mendTop();
    const first = this.#words[QUEUE.INTENT_FIRST]!;
    if (first === NO_BLOCK) return;
    // They were to be freed once their message was taken, or their job dropped. Was it?
    if (first !== head && jobs.withFirst(first) === undefined)
      this.#append(first, this.#blocks.check(this.#words[QUEUE.INTENT_LAST]!));
    this.#words[QUEUE.INTENT_FIRST] = NO_BLOCK;
  }

  /** What to sleep on until a lock is free; undefined if it may be had now. */
  armLock(lock: RobustLock): WaitPoint | undefined {
    const point = lock.arm();
    if (point === ELSEWHERE) throw this.#heldByNobody();
    return point;
  }

  // ---- putting

  /** Puts messages from the `from`-th on, as many as there is room for, and makes them visible together; how many. */
  put(messages: readonly Written[], from: number, most: number): number | typeof PENDING {
    if (!this.#enter(this.#putLock)) return PENDING;
    let done: number | undefined;
    try {
      done = this.#putSome(messages, from, most);
    } finally {
      this.#putLock.release(done === undefined);
    }
    if (done > 0) this.#arrived.changed();
    return done;
  }

  #putSome(messages: readonly Written[], from: number, most: number): number {
    const puts = this.#puts;
    if ((puts & ENDED) !== 0) return 0;
    const slot = (puts & OTHER) >> 1;
    const free = Math.min(most, messages.length - from, this.#maxItems - this.#between(puts, this.#taken));
    const end = Atomics.load(this.#words, QUEUE.FREE_END); // pairs with #append: all blocks before it are linked
    let tail = this.#blocks.check(this.#words[QUEUE.TAILS + slot]!);
    let done = 0;
    for (let copied = 0; done < free && copied < MOST_BYTES; ) {
      const { bytes, start, end: to, type } = messages[from + done]!;
      const after = this.#blocks.write(tail, end, bytes, start, to, type);
      if (after === NO_BLOCK) break;
      copied += to - start;
      tail = after;
      done++;
    }
    if (done === 0) return 0;
    this.#words[QUEUE.TAILS + (slot ^ 1)] = tail;
    const after = ((puts + done * COUNT_STEP) ^ OTHER) | 0;
    // Publishes: pairs with #puts. It fails if somebody has ended the queue meanwhile: then nothing was put.
    if (Atomics.compareExchange(this.#words, QUEUE.PUTS, puts, after) !== puts) return 0;
    return done;
  }

  /** Nothing will follow. Needs no lock: a put that is under way fails. */
  end(): void {
    Atomics.or(this.#words, QUEUE.PUTS, ENDED); // pairs with #putSome
    this.#arrived.changed();
    this.#room.changed();
    this.#idle.changed();
  }

  /** Announces that somebody sleeps until there is room. The caller tries once more. */
  armPut(): WaitPoint | undefined {
    return this.#room.arm(); // pairs with #freed
  }

  /** That attempt told nothing, for somebody has the lock: whoever is about to sleep until there is room looks again. */
  disturbPuts(): void {
    this.#room.changed();
  }

  // ---- taking

  /**
   * Takes the next messages for good, up to `most`. Publishes before it returns them.
   *
   * @returns what `copy` made of each; PENDING if the lock is busy
   */
  get<R>(most: number, copy: CopyOut<R>): R[] | typeof PENDING {
    if (this.#nothing) return [];
    if (!this.#enter(this.#getLock)) return PENDING;
    const messages: R[] = [];
    let sound = false;
    try {
      this.#getSome(messages, most, copy);
      sound = true;
    } finally {
      this.#getLock.release(!sound);
    }
    if (messages.length > 0) this.#freed();
    else this.#room.changed(); // jobs may have been swept
    return messages;
  }

  /** True if there is nothing to take, and nothing to tidy up on the way: then the lock is left alone. */
  get #nothing(): boolean {
    if (this.size > 0 || this.jobs.finished() !== undefined) return false;
    this.busy = undefined;
    return true;
  }

  #getSome<R>(messages: R[], most: number, copy: CopyOut<R>): void {
    const { jobs } = this;
    const blocks = this.#blocks;
    const back = new Set<number>();
    if (jobs.top > 0) {
      this.#sweep();
      for (let job = jobs.oldestBack(back); job !== undefined && messages.length < most; ) {
        blocks.find(jobs.first(job));
        messages.push(copy(blocks));
        back.add(job);
        job = jobs.oldestBack(back);
      }
    }
    const taken = this.#taken;
    const there = this.#there(this.#puts, taken);
    const first = blocks.check(this.#words[QUEUE.HEADS + ((taken & OTHER) >> 1)]!);
    let head = first;
    let done = 0;
    for (let copied = 0; done < there && messages.length < most && copied < MOST_BYTES; ) {
      blocks.find(head);
      messages.push(copy(blocks));
      copied += blocks.length;
      head = blocks.after;
      done++;
    }
    // All are copied. From here on, if we die, they are in our hands.
    if (done > 0) {
      const { last } = blocks;
      this.#words[QUEUE.INTENT_LAST] = last;
      this.#words[QUEUE.INTENT_FIRST] = first;
      this.#publishTaken(taken, head, done);
      this.#append(first, last);
      this.#words[QUEUE.INTENT_FIRST] = NO_BLOCK;
    }
    for (const job of back) jobs.markDone(job);
    if (back.size > 0) this.#sweep();
  }

  #publishTaken(taken: number, head: number, count: number): void {
    this.#words[QUEUE.HEADS + (((taken & OTHER) >> 1) ^ 1)] = head;
    // Publishes: pairs with #taken.
    Atomics.store(this.#words, QUEUE.TAKEN, ((taken + count * COUNT_STEP) ^ OTHER) | 0);
  }

  /** Appends blocks behind the free end, once; repeating it does nothing. */
  #append(first: number, last: number): void {
    const end = this.#words[QUEUE.FREE_END]!;
    if (end === last) return;
    this.#blocks.link(end, first);
    Atomics.store(this.#words, QUEUE.FREE_END, last); // pairs with #putSome
  }

  /** Frees the blocks of jobs that are done. The lock held. */
  #sweep(): void {
    const { jobs } = this;
    for (let job = jobs.finished(); job !== undefined; job = jobs.finished()) {
      const first = this.#blocks.check(jobs.first(job));
      const last = this.#blocks.lastOf(first);
      this.#words[QUEUE.INTENT_LAST] = last;
      this.#words[QUEUE.INTENT_FIRST] = first;
      jobs.drop(job);
      this.#append(first, last);
      this.#words[QUEUE.INTENT_FIRST] = NO_BLOCK;
    }
  }

  /** Something was taken or done: there is room, and perhaps all is done. */
  #freed(): void {
    this.#room.changed();
    if (this.allDone) this.#idle.changed();
  }

  /** As get, for one message, which is this environment's job then; undefined if there is none, 'full' if it has no place. */
  take<R>(copy: CopyOut<R>): TakenJob<R> | undefined | 'full' | typeof PENDING {
    if (this.#nothing) return undefined;
    if (!this.#enter(this.#getLock)) return PENDING;
    let sound = false;
    try {
      const result = this.#takeOne(copy);
      sound = true;
      return result;
    } finally {
      this.#getLock.release(!sound);
      this.#room.changed(); // fewer messages wait, or jobs were swept
    }
  }

  #takeOne<R>(copy: CopyOut<R>): TakenJob<R> | undefined | 'full' {
    const { jobs } = this;
    const blocks = this.#blocks;
    if (jobs.top > 0) {
      this.#sweep();
      const back = jobs.oldestBack();
      if (back !== undefined) {
        blocks.find(jobs.first(back));
        const message = copy(blocks);
        jobs.takeAgain(back);
        return { job: back, attempt: jobs.attempt(back), message };
      }
    }
    const taken = this.#taken;
    if (this.#there(this.#puts, taken) === 0) return undefined;
    const first = blocks.check(this.#words[QUEUE.HEADS + ((taken & OTHER) >> 1)]!);
    blocks.find(first);
    const message = copy(blocks);
    const job = jobs.add(first, taken & ~OTHER);
    if (job === undefined) return 'full';
    this.#publishTaken(taken, blocks.after, 1);
    return { job, attempt: 1, message };
  }

  /** Takes a job that came back too often for others to take it again, if there is one and the lock is not busy. */
  takeSpent<R>(copy: CopyOut<R>): TakenJob<R> | undefined {
    const { jobs } = this;
    if (jobs.top === 0 || jobs.spent() === undefined || !this.#enter(this.#getLock)) return undefined;
    let sound = false;
    try {
      const job = jobs.spent();
      let found: TakenJob<R> | undefined;
      if (job !== undefined) {
        this.#blocks.find(jobs.first(job));
        found = { job, attempt: jobs.attempt(job), message: copy(this.#blocks) };
        jobs.hold(job);
      }
      sound = true;
      return found;
    } finally {
      this.#getLock.release(!sound);
    }
  }

  /** Gives a spent job back, for later: nobody is told. */
  keepSpent(job: number): void {
    this.jobs.leave(job, JOB_RETURNED);
  }

  /** Says that a job is done. False if its word was overwritten. */
  finish(job: number): boolean {
    if (!this.jobs.leave(job, JOB_DONE)) return false;
    this.reclaim(); // unless the lock is busy: then whoever has it next does it, or who finds no room
    this.#freed();
    if (this.ended) this.#arrived.changed(); // those who wait for it to come back
    return true;
  }

  /** True if there are blocks to free: of jobs that are done, or of what somebody took and was killed before it freed them. */
  get #reclaimable(): boolean {
    return this.jobs.finished() !== undefined || Atomics.load(this.#words, QUEUE.INTENT_FIRST) !== NO_BLOCK;
  }

  /** Frees what can be freed; whether there was anything. PENDING if the lock is busy. */
  reclaim(): boolean | typeof PENDING {
    if (!this.#reclaimable) return false;
    if (!this.#enter(this.#getLock)) return PENDING;
    let sound = false;
    try {
      if (this.#words[QUEUE.INTENT_FIRST] !== NO_BLOCK) this.#repairGets(); // nobody dead had the lock: it was overwritten
      this.#sweep();
      sound = true;
    } finally {
      this.#getLock.release(!sound);
    }
    this.#room.changed();
    return true;
  }

  /** Gives a job back: the next one who takes or gets has it. False if its word was overwritten. */
  giveBack(job: number): boolean {
    if (!this.jobs.leave(job, JOB_RETURNED)) return false;
    this.#arrived.changed();
    return true;
  }

  /** Announces that somebody sleeps until there is something to take, or the queue is over. */
  armTake(): WaitPoint | undefined {
    if (this.jobs.abandonDead()) return undefined;
    const point = this.#arrived.arm(); // pairs with put, giveBack, finish and end
    // Asked after the announcement: a message that is taken from here on was there, or wakes us; so we watch all who
    // have jobs that could come back.
    if (point === undefined || this.size > 0 || this.over) return undefined;
    const watched = this.#segment.roster.watch(...this.jobs.holders());
    return watched && { ...point, ...watched };
  }

  /** Announces that somebody sleeps until all is done. */
  armJoin(): WaitPoint | undefined {
    return this.#idle.arm(); // pairs with #freed; the caller looks once more
  }
}

/** One for each attachment. */
const queues = new WeakMap<Segment, QueueWords>();

export function queueWordsOf(segment: Segment, shape: QueueShape): QueueWords {
  let words = queues.get(segment);
  if (words === undefined) {
    words = new QueueWords(segment, shape);
    queues.set(segment, words);
  }
  return words;
}
