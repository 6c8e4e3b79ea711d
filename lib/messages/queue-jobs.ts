/**
 * The messages of a Queue that were taken and are not done. Who holds the queue's get lock writes the table; but giving a
 * job back, and saying that it is done, is one compare-exchange on its owner word, which needs no lock.
 */

import { damaged } from '../errors.js';
import type { Roster } from '../memory/roster.js';
import { OWNER_ABANDONED, OWNER_MASK } from '../memory/roster-layout.js';
import { JOB, JOB_DONE, JOB_RETURNED, JOB_WORDS, QUEUE } from './queue-layout.js';

/** Indexes of the owner words. */
export function jobOwners(maxJobs: number): number[] {
  return Array.from({ length: maxJobs }, (_, n) => QUEUE.JOBS + n * JOB_WORDS + JOB.OWNER);
}

export class QueueJobs {
  readonly #words: Int32Array;
  readonly #roster: Roster;
  readonly #path: string;
  readonly #most: number;
  readonly #mostAttempts: number;

  constructor(
    words: Int32Array,
    roster: Roster,
    path: string,
    { maxJobs, maxAttempts }: { readonly maxJobs: number; readonly maxAttempts: number | undefined },
  ) {
    this.#words = words;
    this.#roster = roster;
    this.#path = path;
    this.#most = maxJobs;
    this.#mostAttempts = maxAttempts ?? Number.POSITIVE_INFINITY;
  }

  /** Index of a job's first word. */
  #at(job: number): number {
    return QUEUE.JOBS + job * JOB_WORDS;
  }

  #owner(job: number): number {
    return Atomics.load(this.#words, this.#at(job) + JOB.OWNER);
  }

  /** No job from this one on is in use. Read with the lock or without: it is raised before the job is anybody's. */
  get top(): number {
    const top = Atomics.load(this.#words, QUEUE.TOP); // pairs with add
    if (top < 0 || top > this.#most) throw damaged(this.#path, `it says that ${top >>> 0} jobs are in use`);
    return top;
  }

  /** True if the one who had the job gave it back or is dead, as far as memory tells. */
  #back(owner: number): boolean {
    if (owner === 0 || owner === JOB_DONE) return false;
    return (owner & OWNER_MASK) === 0 || (owner & OWNER_ABANDONED) !== 0 || this.#roster.looksDead(owner);
  }

  /** True if it came back and was taken as often as it may be. */
  #spent(job: number): boolean {
    return this.attempt(job) >= this.#mostAttempts && this.#back(this.#owner(job));
  }

  first(job: number): number {
    return this.#words[this.#at(job) + JOB.FIRST]!;
  }

  attempt(job: number): number {
    return this.#words[this.#at(job) + JOB.ATTEMPT]!;
  }

  #canTake(job: number): boolean {
    return this.#back(this.#owner(job)) && this.attempt(job) < this.#mostAttempts;
  }

  // ---- with the get lock

  #number(job: number): number {
    return this.#words[this.#at(job) + JOB.NUMBER]!;
  }

  /** The job that was taken first of those that came back and may be taken again. */
  oldestBack(): number | undefined {
    let oldest: number | undefined;
    const { top } = this;
    for (let job = 0; job < top; job++) {
      if (!this.#canTake(job)) continue;
      if (oldest === undefined || ((this.#number(job) - this.#number(oldest)) | 0) < 0) oldest = job;
    }
    return oldest;
  }

  /** All of those, in the order in which they were first taken. */
  allBack(): number[] {
    const all: number[] = [];
    const { top } = this;
    for (let job = 0; job < top; job++) if (this.#canTake(job)) all.push(job);
    return all.sort((a, b) => (this.#number(a) - this.#number(b)) | 0);
  }

  /** Makes a message this environment's job, for the first time; undefined if the table is full. */
  add(first: number, number: number): number | undefined {
    const { top } = this;
    let job = 0;
    while (job < top && this.#owner(job) !== 0) job++;
    if (job === this.#most) return undefined;
    const at = this.#at(job);
    this.#words[at + JOB.FIRST] = first;
    this.#words[at + JOB.ATTEMPT] = 1;
    this.#words[at + JOB.NUMBER] = number;
    if (job === top) Atomics.store(this.#words, QUEUE.TOP, top + 1); // pairs with top: before the owner
    // If we die from here on, before the message counts as taken, whoever repairs the queue drops the job.
    Atomics.store(this.#words, at + JOB.OWNER, this.#roster.owner); // pairs with #owner
    return job;
  }

  /** Makes a job that came back this environment's, once more. */
  takeAgain(job: number): void {
    const at = this.#at(job);
    // First: if we die in between, it counts as taken once more, which it nearly was.
    this.#words[at + JOB.ATTEMPT] = this.#words[at + JOB.ATTEMPT]! + 1;
    this.hold(job);
  }

  /** A job that came back too often to be taken again. */
  spent(): number | undefined {
    if (this.#mostAttempts === Number.POSITIVE_INFINITY) return undefined;
    const { top } = this;
    for (let job = 0; job < top; job++) if (this.#spent(job)) return job;
    return undefined;
  }

  /** Makes a job this environment's, without counting that. */
  hold(job: number): void {
    Atomics.store(this.#words, this.#at(job) + JOB.OWNER, this.#roster.owner); // pairs with #owner
    this.#changed();
  }

  /** A job that had come back is out again, or done: whoever counts them starts again. */
  #changed(): void {
    Atomics.store(this.#words, QUEUE.CHANGES, this.changes + 1); // pairs with changes
  }

  /** A job that is done: its blocks can be freed. */
  finished(from = 0): number | undefined {
    const { top } = this;
    for (let job = from; job < top; job++) if (this.#owner(job) === JOB_DONE) return job;
    return undefined;
  }

  markDone(job: number): void {
    Atomics.store(this.#words, this.#at(job) + JOB.OWNER, JOB_DONE);
    this.#changed();
  }

  /** The job is none any more. */
  drop(job: number): void {
    Atomics.store(this.#words, this.#at(job) + JOB.OWNER, 0);
    let { top } = this;
    while (top > 0 && this.#owner(top - 1) === 0) top--;
    Atomics.store(this.#words, QUEUE.TOP, top);
  }

  /** The job that has its message at this block. */
  withFirst(block: number): number | undefined {
    for (let job = 0; job < this.#most; job++)
      if (this.#owner(job) !== 0 && this.first(job) === block) return job;
    return undefined;
  }

  /** After somebody died with the lock: where the table ends. */
  mendTop(): void {
    let top = this.#most;
    while (top > 0 && this.#owner(top - 1) === 0) top--;
    Atomics.store(this.#words, QUEUE.TOP, top);
  }

  // ---- without any lock

  /** Says that a job of this environment is done, or gives it back. False if it is not ours: its word was overwritten. */
  leave(job: number, as: typeof JOB_DONE | typeof JOB_RETURNED): boolean {
    const index = this.#at(job) + JOB.OWNER;
    const { owner } = this.#roster;
    return Atomics.compareExchange(this.#words, index, owner, as) === owner; // pairs with #owner
  }

  /** Moves when a job that had come back is taken again. */
  get changes(): number {
    return Atomics.load(this.#words, QUEUE.CHANGES); // pairs with #changed
  }

  /** How many came back and can be taken again. Not the one whose message, at `head`, does not count as taken: its taker died. */
  back(head: number): number {
    let back = 0;
    const { top } = this;
    for (let job = 0; job < top; job++) if (this.#canTake(job) && this.first(job) !== head) back++;
    return back;
  }

  /** Whether there is a job that is not done. */
  get open(): boolean {
    const { top } = this;
    for (let job = 0; job < top; job++) {
      const owner = this.#owner(job);
      if (owner !== 0 && owner !== JOB_DONE) return true;
    }
    return false;
  }

  /** Whether there is a job that may come to this environment yet: not one of its own, nor one that comes to nobody. */
  get mayCome(): boolean {
    const { top } = this;
    for (let job = 0; job < top; job++) {
      const owner = this.#owner(job);
      if (owner !== 0 && owner !== JOB_DONE && owner !== this.#roster.owner && !this.#spent(job)) return true;
    }
    return false;
  }

  /** Who has jobs, except this environment, each once. */
  holders(): Set<number> {
    const holders = new Set<number>();
    const { top } = this;
    for (let job = 0; job < top; job++) {
      const owner = this.#owner(job) & OWNER_MASK;
      if (owner !== 0 && owner !== this.#roster.owner) holders.add(owner);
    }
    return holders;
  }

  /** Says in the words which owners are dead, which may take the kernel to know. Whether one was. */
  abandonDead(): boolean {
    let some = false;
    for (const holder of this.holders()) {
      if (!this.#roster.isDead(holder)) continue;
      some = true;
      const { top } = this;
      for (let job = 0; job < top; job++) {
        const index = this.#at(job) + JOB.OWNER;
        const found = Atomics.load(this.#words, index);
        // Pairs with every other step on the word: if it fails, the job has been taken again. Whatever flags it has, which
        // only damage brings there: an owner that stays is asked about for ever.
        if ((found & OWNER_MASK) === holder) Atomics.compareExchange(this.#words, index, found, JOB_RETURNED);
      }
    }
    return some;
  }
}
