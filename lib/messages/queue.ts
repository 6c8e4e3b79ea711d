/** A queue of messages between any number of processes, under a name. */

import type { Readable, Writable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import {
  type AttachOptions,
  checkObjectName,
  checkSyncWait,
  checkWait,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { timedOut } from '../waiting/clock.js';
import { Turns } from '../waiting/turns.js';
import { type Readiness, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { codecFor } from './codec-agreement.js';
import type { InnerCodec } from './codecs.js';
import { bury } from './dead-letter.js';
import type { Job } from './job.js';
import { Leases } from './leases.js';
import { checkMax, keep, type Written } from './message.js';
import type { QueueCore } from './queue-core.js';
import { describeQueue, queueActivity } from './queue-description.js';
import { QueueOperations } from './queue-operations.js';
import { queuePartsOf } from './queue-parts.js';
import {
  agreeOnQueue,
  checkQueueWish,
  QUEUE_TYPE,
  type QueueAttachOptions,
  type QueueCreateOptions,
  type QueueShape,
  queueShapeFor,
} from './queue-shape.js';
import type { QueueTakes } from './queue-takes.js';
import { makeReadable, makeWritable, type ReadableOptions, type WritableOptions } from './streams.js';
import { makeWebReadable, makeWebWritable } from './web-streams.js';

registerDescriber('queue', describeQueue, queueActivity);

/**
 * A queue of messages from any number of processes and workers to any number of them. Bytes and strings travel as they
 * are, anything else through the codec.
 *
 * ```js
 * const { Queue, unlink } = require('isthmus');
 * const jobs = Queue.open('example-jobs', { maxItems: 100 }); // in as many processes as you like
 * jobs.putSync({ id: 1 });
 * jobs.putSync({ id: 2 });
 * console.log(jobs.size, jobs.getSync()); // 2 { id: 1 }
 * const job = jobs.takeSync(); // nobody else gets it while this process lives
 * console.log(job.message, job.attempt); // { id: 2 } 1
 * job.done();
 * jobs.close();
 * unlink('example-jobs');
 * ```
 *
 * Messages of one producer come in its order. What `put` (in any form) accepted is in shared memory when it returns: it is
 * received even if this process is killed the next instant. `get` is at most once: what a consumer has got is gone with
 * it. `take` is at least once: a job whose taker dies comes back, in front of those that wait.
 *
 * Killing any process at any instant disturbs nobody else: the locks inside are held for microseconds and survive their
 * holders, who leave each message put or not put, taken or not taken. One that is stopped (SIGSTOP) in such a microsecond
 * keeps others waiting until it goes on; their timeouts and signals count.
 *
 * Source: the two-lock queue of M. Michael and M. Scott (PODC 1996), over robust locks.
 */
export class Queue<T = unknown> extends SharedObject implements AsyncIterable<T>, Waitable {
  readonly #shape: QueueShape;
  readonly #core: QueueCore;
  readonly #takes: QueueTakes;
  readonly #do: QueueOperations<T>;
  readonly #puts = new Turns();
  readonly #gets = new Turns();
  readonly #joins = new Turns();
  /** The jobs of this handle that are out. */
  readonly #leases: Leases;
  readonly #taking: Blocking<Job<T> | undefined>;

  private constructor(segment: Segment, shape: QueueShape, codec: InnerCodec) {
    super(segment);
    this.#shape = shape;
    const parts = queuePartsOf(segment, shape);
    this.#core = parts.core;
    this.#takes = parts.takes;
    this.#leases = new Leases(segment.path, parts.takes);
    this.#do = new QueueOperations<T>(parts, codec, segment.path, (message) => bury(shape, codec, message));
    this.#taking = this.#do.taking(this.#leases.leaseOf);
  }

  /**
   * Makes a new queue.
   *
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad options
   */
  static create<T = unknown>(name: string, options?: QueueCreateOptions<T>): Queue<T> {
    const bare = checkObjectName(name);
    const wish = checkQueueWish(bare, options as QueueCreateOptions<never>, true, false);
    const shape = queueShapeFor(wish);
    return new Queue<T>(createSegment(bare, QUEUE_TYPE, shape, wish.rest), shape, codecFor(shape, wish));
  }

  /** Attaches to a queue that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach<T = unknown>(name: string, options?: QueueAttachOptions<T>): Queue<T> {
    const bare = checkObjectName(name);
    const wish = checkQueueWish(bare, options as QueueAttachOptions<never>, false, true);
    const { segment, shape } = attachSegment(bare, QUEUE_TYPE, wish.rest, (found) =>
      agreeOnQueue(`/${bare}`, found, wish),
    );
    return new Queue<T>(segment, shape, codecFor(shape, wish));
  }

  /** Attaches if the name exists (what the options say must agree), creates it otherwise; without a race. */
  static open<T = unknown>(name: string, options?: QueueCreateOptions<T> & AttachOptions): Queue<T> {
    const bare = checkObjectName(name);
    const wish = checkQueueWish(bare, options as QueueCreateOptions<never>, true, true);
    const { segment, shape } = openSegment(
      bare,
      QUEUE_TYPE,
      wish.rest,
      (found) => agreeOnQueue(`/${bare}`, found, wish),
      () => queueShapeFor(wish),
    );
    return new Queue<T>(segment, shape, codecFor(shape, wish));
  }

  // ---- what it is

  /** Bytes of messages that fit, each rounded up to 64. */
  get capacity(): number {
    return this.#shape.capacity;
  }

  /** How many messages may wait at most; `Infinity`: as many as fit. */
  get maxItems(): number {
    return this.#shape.maxItems ?? Number.POSITIVE_INFINITY;
  }

  /** The name of the codec. */
  get codec(): string {
    return this.#shape.codec;
  }

  /** The largest message, in bytes. */
  get maxMessageBytes(): number {
    return this.#core.blocks.largest;
  }

  /** How many messages can be taken at this moment; jobs that are out do not count. */
  get size(): number {
    this.check();
    return this.#core.size;
  }

  /** True when no message can be taken at this moment. */
  get isEmpty(): boolean {
    return this.size === 0;
  }

  /** True when no message, however small, can be put at this moment. */
  get isFull(): boolean {
    this.check();
    return this.#core.full;
  }

  /** True after {@link end}, whoever called it; there may be messages left to take. */
  get ended(): boolean {
    this.check();
    return this.#core.ended;
  }

  // ---- putting

  /**
   * Puts the message if there is room now. Does not block (it waits up to 20 ms for a process that is stopped while it
   * puts).
   *
   * @returns false if there is no room, or earlier `put`s of this handle wait for some
   * @throws RangeError for a message larger than the queue can ever hold, TypeError for one that cannot be encoded;
   *   both change nothing. ClosedError after `end()` or `close()`
   */
  tryPut(message: T): boolean {
    this.#checkOpen();
    const written = this.#write(message);
    return this.#puts.served() && this.#do.now(this.#do.putting(written)) !== PENDING;
  }

  /** Puts the message, blocking this thread until there is room. Throws as {@link tryPut}, and TimeoutError. */
  putSync(message: T, wait?: SyncWaitOptions): void {
    const timeout = checkSyncWait(wait);
    this.#checkOpen();
    const written = this.#write(message);
    if (this.#puts.served() && this.#do.putNow(written)) return;
    if (timeout === 0) throw timedOut(this.#noRoom(), 0);
    this.#puts.blockSync(this.#do.putting(keep(written)), timeout, this.#noRoom());
  }

  /**
   * Puts the message as soon as there is room, in the order of the calls; the event loop runs on. Rejects as
   * {@link tryPut} throws, with TimeoutError, or with the signal's reason: the message was not put then.
   */
  async put(message: T, wait?: WaitOptions): Promise<void> {
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    this.#checkOpen();
    const written = this.#write(message);
    if (this.#puts.mayTry(timeout) && this.#tryAtOnce(this.#do.putting(written), timeout) !== PENDING) return;
    await this.#puts.wait(this.#do.putting(keep(written)), timeout, signal, this.#noRoom());
  }

  /**
   * Puts as many of the messages as there is room for now, in order. Does not block.
   *
   * @returns how many
   * @throws as {@link tryPut}; a message that can never be put makes the whole call change nothing
   */
  tryPutMany(messages: readonly T[]): number {
    this.#checkOpen();
    const putting = this.#do.puttingMany(this.#writeAll(messages));
    try {
      if (this.#puts.served()) this.#do.now(putting);
    } catch (error) {
      if (putting.accepted === 0) throw error;
    }
    return putting.accepted;
  }

  /** Puts all of the messages, blocking as needed. A TimeoutError says in `accepted` how many were put. */
  putManySync(messages: readonly T[], wait?: SyncWaitOptions): void {
    const timeout = checkSyncWait(wait);
    this.#checkOpen();
    const putting = this.#do.puttingMany(this.#writeAll(messages));
    if (this.#puts.served() && this.#do.now(putting) !== PENDING) return;
    try {
      if (timeout === 0) throw timedOut(this.#noRoom(), 0);
      this.#puts.blockSync(putting, timeout, this.#noRoom());
    } catch (error) {
      throw putting.explain(error);
    }
  }

  /**
   * Puts all of the messages, in the order of the calls. An error that ends it in the middle says in `accepted` how many were
   * put; where a signal did, it is an AbortError whose `cause` is the signal's reason.
   */
  async putMany(messages: readonly T[], wait?: WaitOptions): Promise<void> {
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    this.#checkOpen();
    const putting = this.#do.puttingMany(this.#writeAll(messages));
    if (this.#puts.mayTry(timeout) && this.#tryAtOnce(putting, timeout) !== PENDING) return;
    try {
      await this.#puts.wait(putting, timeout, signal, this.#noRoom());
    } catch (error) {
      throw putting.explain(error, signal);
    }
  }

  /**
   * Nothing can follow, from anybody: what is there can still be taken, and then everybody who gets or takes sees the end;
   * those who wait to put reject with ClosedError. Final for the object. Idempotent, does not block.
   */
  end(): void {
    this.check();
    this.#core.end();
    this.#puts.wake();
  }

  // ---- taking

  /**
   * The next message, or `undefined` when there is none now (or earlier `get`s of this handle wait for it). Does not block
   * (it waits up to 20 ms for a process that is stopped while it gets).
   *
   * @throws CorruptError for a message that makes no sense; it is gone. ClosedError after `close()`
   */
  tryGet(): T | undefined {
    return this.#try(this.#do.getting);
  }

  /** The next message, blocking this thread until there is one; `undefined` when the queue has ended. Throws TimeoutError. */
  getSync(wait?: SyncWaitOptions): T | undefined {
    return this.#blockSync(this.#do.getting, wait);
  }

  /**
   * The next message as soon as there is one, in the order of the calls; `undefined` when the queue has ended and no job
   * of others can come back. The event loop runs on; the process stays alive while waiting. Rejects with TimeoutError, the
   * signal's reason, or ClosedError; no message is lost by it.
   */
  async get(wait?: WaitOptions): Promise<T | undefined> {
    return this.#wait(this.#do.getting, wait);
  }

  /**
   * Up to `max` messages that are there now, perhaps none. Does not block. If one of them cannot be decoded: CorruptError,
   * whose property `received` has the others.
   *
   * @param max at least 1; default: all
   */
  tryGetMany(max?: number): T[] {
    return this.#try(this.#do.gettingMany(checkMax(max))) ?? [];
  }

  /** At least one and up to `max` messages, blocking this thread; an empty array when the queue has ended. */
  getManySync(max?: number, wait?: SyncWaitOptions): T[] {
    return this.#blockSync(this.#do.gettingMany(checkMax(max)), wait);
  }

  /** At least one and up to `max` messages; an empty array when the queue has ended. Rejects as {@link get}. */
  async getMany(max?: number, wait?: WaitOptions): Promise<T[]> {
    return this.#wait(this.#do.gettingMany(checkMax(max)), wait);
  }

  /** Messages as they come, until the queue has ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const message = await this.get();
      if (message === undefined) return;
      yield message;
    }
  }

  /**
   * The next message as a job, or `undefined` when there is none now. Does not block.
   *
   * @throws FullError when `maxJobs` jobs are out; CorruptError for a message that makes no sense (it is gone)
   */
  tryTake(): Job<T> | undefined {
    return this.#try(this.#taking);
  }

  /** The next message as a job, blocking this thread; `undefined` when the queue has ended. Throws TimeoutError, and as {@link tryTake}. */
  takeSync(wait?: SyncWaitOptions): Job<T> | undefined {
    return this.#blockSync(this.#taking, wait);
  }

  /**
   * The next message as a job: it is this process's until `job.done()`, comes back with `job.retry()`, and when this
   * process dies or closes the queue. `undefined` when the queue has ended and no job of others can come back. Rejects as
   * {@link get} and {@link tryTake}.
   */
  async take(wait?: WaitOptions): Promise<Job<T> | undefined> {
    return this.#wait(this.#taking, wait);
  }

  /**
   * Jobs as they come, until the queue has ended: `for await (const job of queue.jobs())`. Each must be done or given back;
   * leaving the loop changes nothing for the last one. Rejects as {@link take}.
   */
  async *jobs(wait?: WaitOptions): AsyncGenerator<Job<T>, void, undefined> {
    for (;;) {
      const job = await this.take(wait);
      if (job === undefined) return;
      yield job;
    }
  }

  /** Blocks this thread until everything that was put has been got or done. Throws TimeoutError. */
  joinSync(wait?: SyncWaitOptions): void {
    this.check();
    this.#joins.blockSync(this.#do.joining, checkSyncWait(wait), this.#notDone());
  }

  /**
   * Resolves when everything that was put has been got, or taken and done, by whomever. Rejects with TimeoutError, the
   * signal's reason, or ClosedError. A job whose taker died is not done: somebody must take it again.
   */
  async join(wait?: WaitOptions): Promise<void> {
    this.check();
    const { timeout, signal } = checkWait(wait);
    await this.#joins.wait(this.#do.joining, timeout, signal, this.#notDone());
  }

  // ---- streams

  /**
   * A Node stream that puts what is written to it, with back-pressure. Its end is the queue's {@link end}, for all. By
   * default it takes bytes and strings and cuts chunks that are too large; with `objectMode` each chunk is one message.
   */
  writable(options?: WritableOptions): Writable {
    this.#checkOpen();
    return makeWritable(this as unknown as Queue<never>, options);
  }

  /**
   * A Node stream of what comes, with back-pressure; it ends with the queue. By default a stream of bytes (strings are sent
   * as UTF-8); with `objectMode` each message is one chunk (`null` cannot travel through a Node stream).
   */
  readable(options?: ReadableOptions): Readable {
    this.check();
    return makeReadable(this, options);
  }

  /**
   * A Web stream that puts what is written to it: a write is done when it is in shared memory. Closing it is the queue's
   * {@link end}, for all. By default it takes bytes and strings; with `objectMode` each chunk is one message.
   */
  webWritable(options?: WritableOptions): WritableStream<T> {
    this.#checkOpen();
    return makeWebWritable(this as unknown as Queue<never>, options);
  }

  /**
   * A Web stream of what comes: nothing is taken before it is read. By default it gives bytes; with `objectMode` each
   * message is one chunk. Cancelling it leaves this handle as it is.
   */
  webReadable(options?: ReadableOptions): ReadableStream<T> {
    this.check();
    return makeWebReadable(this, options);
  }

  /** For `waitAny`: ready when a message is there, or the queue is over. */
  [WAITABLE](): Readiness {
    this.check();
    return {
      ready: () => {
        this.check();
        try {
          return this.#core.size > 0 || this.#core.over;
        } catch {
          return true; // damaged: a get says so at once
        }
      },
      arm: () => this.#takes.armTake(),
      keepsAlive: this.#gets.keepsAlive,
      told: [this.closing],
    };
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    for (const turns of this.#turns) turns.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    for (const turns of this.#turns) turns.keepsAlive = false;
    return this;
  }

  get #turns(): Turns[] {
    return [this.#puts, this.#gets, this.#joins];
  }

  /** @internal */
  protected override facts(): Facts {
    return {
      size: () => this.size,
      ended: () => this.ended,
      capacity: () => this.capacity,
      codec: () => this.codec,
    };
  }

  /** @internal Jobs that are out come back: others may take them. */
  protected override onClose(): void {
    for (const turns of this.#turns) turns.failAll(() => closedError(this.name));
    this.#core.recover();
    this.#leases.loseAll();
  }

  #write(message: T): Written {
    const written = this.#do.write(message);
    this.check(); // a codec may have closed the handle
    return written;
  }

  #writeAll(messages: readonly T[]): Written[] {
    const written = this.#do.writeAll(messages);
    this.check();
    return written;
  }

  #checkOpen(): void {
    this.check();
    if (this.#core.ended) throw this.#do.endedError();
  }

  #try<R>(operation: Blocking<R>): R | undefined {
    this.check();
    if (!this.#gets.served()) return undefined;
    const result = this.#do.nowAsking(operation);
    return result === PENDING ? undefined : result;
  }

  #blockSync<R>(operation: Blocking<R>, wait: SyncWaitOptions | undefined): R {
    this.check();
    const timeout = checkSyncWait(wait);
    if (timeout > 0) {
      const found = this.#gets.served() ? operation.attempt() : PENDING;
      return found === PENDING ? this.#gets.blockSync(operation, timeout, this.#nothing()) : found;
    }
    const result = this.#gets.served() ? this.#do.nowAsking(operation) : PENDING;
    if (result === PENDING) throw timedOut(this.#nothing(), 0);
    return result;
  }

  async #wait<R>(operation: Blocking<R>, wait: WaitOptions | undefined): Promise<R> {
    this.check();
    const { timeout, signal } = checkWait(wait);
    if (timeout > 0) return this.#gets.wait(operation, timeout, signal, this.#nothing());
    signal?.throwIfAborted();
    return this.#blockSync(operation, { timeout: 0 });
  }

  #tryAtOnce<R>(operation: Blocking<R>, timeout: number): R | typeof PENDING {
    return timeout === 0 ? this.#do.now(operation) : operation.attempt();
  }

  #noRoom(): string {
    return `'${this.name}': no room for the message`;
  }

  #nothing(): string {
    return `'${this.name}': no message came`;
  }

  #notDone(): string {
    return `'${this.name}': not everything was done`;
  }
}
