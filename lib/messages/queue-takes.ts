/** The taking side of a Queue: see queue-core.ts. */

import type { RobustLock } from '../sync/robust-lock.js';
import { PENDING, type WaitPoint } from '../waiting/blocking.js';
import type { SleepWord } from '../waiting/sleep-word.js';
import type { QueueBlocks } from './queue-blocks.js';
import type { QueueCore } from './queue-core.js';
import type { QueueJobs } from './queue-jobs.js';
import { COUNT_STEP, JOB_DONE, JOB_RETURNED, NO_BLOCK, OTHER, QUEUE } from './queue-layout.js';
import { MOST_BYTES } from './queue-puts.js';

/** Copies a message out of the blocks that `find` has found; called with the get lock held. */
type CopyOut<R> = (blocks: QueueBlocks) => R;

/** A message that was taken. */
export interface TakenJob<R> {
  readonly job: number;
  readonly attempt: number;
  readonly message: R;
}

export class QueueTakes {
  readonly jobs: QueueJobs;
  readonly #core: QueueCore;
  readonly #words: Int32Array;
  readonly #blocks: QueueBlocks;
  readonly #getLock: RobustLock;
  readonly #arrived: SleepWord;
  readonly #room: SleepWord;

  constructor(core: QueueCore) {
    this.#core = core;
    this.jobs = core.jobs;
    this.#words = core.words;
    this.#blocks = core.blocks;
    this.#getLock = core.getLock;
    this.#arrived = core.arrived;
    this.#room = core.room;
    core.repairGets = () => this.#repairGets();
  }

  /**
   * Takes the next messages for good, up to `most`. Publishes before it returns them.
   *
   * @returns what `copy` made of each; PENDING if the lock is busy
   */
  get<R>(most: number, copy: CopyOut<R>): R[] | typeof PENDING {
    if (this.#nothing) return [];
    if (!this.#core.enter(this.#getLock)) return PENDING;
    const messages: R[] = [];
    let sound = false;
    try {
      this.#getSome(messages, most, copy);
      sound = true;
    } finally {
      this.#core.leave(this.#getLock, sound);
    }
    if (messages.length > 0) this.#core.freed();
    else this.#room.changed(); // jobs may have been swept
    return messages;
  }

  /** As get, for one message; undefined if there is none. */
  getOne<R extends object>(copy: CopyOut<R>): R | undefined | typeof PENDING {
    if (this.#nothing) return undefined;
    if (!this.#core.enter(this.#getLock)) return PENDING;
    let message: R | undefined;
    let sound = false;
    try {
      if (this.jobs.top > 0) {
        const messages: R[] = [];
        this.#getSome(messages, 1, copy);
        message = messages[0];
      } else {
        message = this.#getNext(copy);
      }
      sound = true;
    } finally {
      this.#core.leave(this.#getLock, sound);
    }
    if (message === undefined) this.#room.changed();
    else this.#core.freed();
    return message;
  }

  #getNext<R>(copy: CopyOut<R>): R | undefined {
    const { taken } = this.#core;
    if (this.#core.there(this.#core.puts, taken) === 0) return undefined;
    const blocks = this.#blocks;
    const first = blocks.check(this.#words[QUEUE.HEADS + ((taken & OTHER) >> 1)]!);
    blocks.find(first);
    const message = copy(blocks);
    this.#takeAndFree(taken, first, blocks.last, blocks.after, 1);
    return message;
  }

  /** True if there is nothing to take, and nothing to tidy up on the way: then the lock is left alone. */
  get #nothing(): boolean {
    const { taken } = this.#core;
    if (this.#core.between(this.#core.puts, taken) > 0) return false; // there is, or was a moment ago
    if (this.#core.size > 0 || this.jobs.finished() !== undefined) return false;
    this.#core.busy = undefined;
    return true;
  }

  #getSome<R>(messages: R[], most: number, copy: CopyOut<R>): void {
    const { jobs } = this;
    const blocks = this.#blocks;
    const back: number[] = [];
    let copied = 0;
    if (jobs.top > 0) {
      this.#sweep();
      for (const job of jobs.allBack()) {
        if (messages.length >= most || copied >= MOST_BYTES) break;
        blocks.find(jobs.first(job));
        messages.push(copy(blocks));
        copied += blocks.length;
        back.push(job);
      }
    }
    const taken = this.#core.taken;
    const there = this.#core.there(this.#core.puts, taken);
    const first = blocks.check(this.#words[QUEUE.HEADS + ((taken & OTHER) >> 1)]!);
    let head = first;
    let done = 0;
    while (done < there && messages.length < most && copied < MOST_BYTES) {
      blocks.find(head);
      messages.push(copy(blocks));
      copied += blocks.length;
      head = blocks.after;
      done++;
    }
    if (done > 0) this.#takeAndFree(taken, first, blocks.last, head, done);
    for (const job of back) jobs.markDone(job);
    if (back.length > 0) this.#sweep();
  }

  /** All are copied, from block `first` to `last`; `head` is the next one. From here on, if we die, they are in our hands. */
  #takeAndFree(taken: number, first: number, last: number, head: number, count: number): void {
    this.#words[QUEUE.INTENT_LAST] = last;
    this.#words[QUEUE.INTENT_FIRST] = first;
    this.#publishTaken(taken, head, count);
    this.#append(first, last);
    this.#words[QUEUE.INTENT_FIRST] = NO_BLOCK;
  }

  #publishTaken(taken: number, head: number, count: number): void {
    this.#words[QUEUE.HEADS + (((taken & OTHER) >> 1) ^ 1)] = head;
    // Publishes: pairs with QueueCore.taken.
    Atomics.store(this.#words, QUEUE.TAKEN, ((taken + count * COUNT_STEP) ^ OTHER) | 0);
  }

  /** Appends blocks behind the free end, once; repeating it does nothing. */
  #append(first: number, last: number): void {
    const end = this.#words[QUEUE.FREE_END]!;
    if (end === last) return;
    this.#blocks.link(end, first);
    Atomics.store(this.#words, QUEUE.FREE_END, last); // pairs with QueuePuts.#putSome
  }

  /** Frees the blocks of jobs that are done. The lock held. */
  #sweep(): void {
    const { jobs } = this;
    for (let job = jobs.finished(); job !== undefined; job = jobs.finished(job)) {
      const first = this.#blocks.check(jobs.first(job));
      const last = this.#blocks.lastOf(first);
      this.#words[QUEUE.INTENT_LAST] = last;
      this.#words[QUEUE.INTENT_FIRST] = first;
      jobs.drop(job);
      this.#append(first, last);
      this.#words[QUEUE.INTENT_FIRST] = NO_BLOCK;
    }
  }

  /** As get, for one message, which is this environment's job then; undefined if there is none, 'full' if it has no place. */
  take<R>(copy: CopyOut<R>): TakenJob<R> | undefined | 'full' | typeof PENDING {
    if (this.#nothing) return undefined;
    if (!this.#core.enter(this.#getLock)) return PENDING;
    let sound = false;
    try {
      const result = this.#takeOne(copy);
      sound = true;
      return result;
    } finally {
      this.#core.leave(this.#getLock, sound);
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
    const taken = this.#core.taken;
    if (this.#core.there(this.#core.puts, taken) === 0) return undefined;
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
    if (jobs.top === 0 || jobs.spent() === undefined || !this.#core.enter(this.#getLock)) return undefined;
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
      this.#core.leave(this.#getLock, sound);
    }
  }

  /** Gives a spent job back, for later: it comes to nobody, which matters only to those who wait for the end. */
  keepSpent(job: number): void {
    if (this.jobs.leave(job, JOB_RETURNED) && this.#core.ended) this.#arrived.changed();
  }

  /** Says that a job is done. False if its word was overwritten. */
  finish(job: number): boolean {
    if (!this.jobs.leave(job, JOB_DONE)) return false;
    this.reclaim(); // unless the lock is busy: then whoever has it next does it, or who finds no room
    this.#core.freed();
    if (this.#core.ended) this.#arrived.changed(); // those who wait for it to come back
    return true;
  }

  /** Frees what can be freed; whether there was anything. PENDING if the lock is busy. */
  reclaim(): boolean | typeof PENDING {
    if (!this.#core.reclaimable) return false;
    if (!this.#core.enter(this.#getLock)) return PENDING;
    let sound = false;
    try {
      if (this.#words[QUEUE.INTENT_FIRST] !== NO_BLOCK) this.#repairGets(); // nobody dead had the lock: it was overwritten
      this.#sweep();
      sound = true;
    } finally {
      this.#core.leave(this.#getLock, sound);
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
    const point = this.#arrived.arm(); // pairs with QueuePuts.put, giveBack, finish and end
    // Asked after the announcement: a message that is taken from here on was there, or wakes us; so we watch all who
    // have jobs that could come back.
    if (point === undefined || this.#core.size > 0 || this.#core.over) return undefined;
    const watched = this.#core.segment.roster.watch(...this.jobs.holders());
    return watched && { ...point, ...watched };
  }

  /** What one who died with the get lock left half done. If we die here, the next one starts again. */
  #repairGets(): void {
    const { jobs } = this;
    const head = this.#words[QUEUE.HEADS + ((this.#core.taken & OTHER) >> 1)]!;
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
}
