/** A POSIX named semaphore, shared with C, Python and whatever else speaks sem_open. */

import { type InspectOptions, inspect } from 'node:util';
import { outOfRange, refuseNew, TimeoutError } from '../errors.js';
import { consoleForm } from '../memory/console-form.js';
import { closeOnExit, forgetOnExit, leaving } from '../memory/leaving.js';
import { attachOrCreate } from '../memory/opening.js';
import { sleepBriefly } from '../memory/patience.js';
import { closedError } from '../memory/shared-object.js';
import type { NativeSegment, NativeSemaphore } from '../native/binding.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  checkInteger,
  checkName,
  checkOptions,
  checkSyncWait,
  checkWait,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { ELSEWHERE, PENDING } from '../waiting/blocking.js';
import { deadlineAfter, LONGEST_SLEEP, now, timedOut } from '../waiting/clock.js';
import { Line, type LineOperation } from '../waiting/line.js';
import {
  attach,
  checkPermits,
  create,
  MOST_PERMITS,
  type Opened,
  remove,
  type SemaphoreAttachOptions,
  type SemaphoreCreateOptions,
} from './semaphore-opening.js';

const CREATE_KEYS = ['initial', 'max', 'mode'] as const;
/** The byte of the semaphore's own file that is locked while a bounded release counts and posts. */
const RELEASE_BYTE = 2 ** 40;
/** ms that a bounded release waits for another one, which takes microseconds unless its process is stopped. */
const LONGEST_RELEASE = 1000;

/**
 * A counting semaphore under a name: a real POSIX one, so that C (`sem_open("/name", 0)`) and Python programs can hold
 * the other end. Its file is `/dev/shm/sem.NAME`.
 *
 * ```js
 * const { Semaphore } = require('isthmus');
 * const slots = Semaphore.open('example-slots', { initial: 2 });
 * slots.acquireSync();
 * console.log(slots.value); // 1
 * slots.release();
 * slots.close();
 * Semaphore.unlink('example-slots');
 * ```
 *
 * POSIX semaphores have no owner: the permits of a process that is killed are lost, and nobody is told. Where that
 * matters, something with an owner is the right tool: a `PermitPool`. Stays until {@link Semaphore.unlink}.
 */
export class Semaphore {
  readonly #path: string;
  readonly #native: NativeSemaphore;
  readonly #max: number | undefined;
  /** The semaphore's own file, kept open by the bounded kind to lock it; the name may be gone by then. */
  readonly #file: NativeSegment | undefined;
  readonly #line = new Line();
  /** Permits that the semaphore's thread took for our promises and that no promise has got yet. */
  #granted = 0;
  #listening = false;
  #closed = false;
  readonly #taking: LineOperation<true> = {
    attempt: () => {
      if (!this.#takeGranted()) return this.#native.tryWait() ? true : PENDING;
      // It has reached its user when the promise's reactions run; until then it would go back if we were terminated.
      queueMicrotask(() => this.#native.acknowledge());
      return true;
    },
    arm: () => {
      this.#want();
      return ELSEWHERE;
    },
  };

  private constructor(opened: Opened) {
    refuseNew(new.target, opened);
    const { path, semaphore, max, file } = opened;
    this.#path = path;
    this.#native = semaphore;
    this.#max = max;
    this.#file = file;
    closeOnExit(this);
  }

  /**
   * Makes a new semaphore.
   *
   * @throws SystemError `EEXIST` if the name is taken; TypeError or RangeError for bad options
   */
  static create(name: string, options?: SemaphoreCreateOptions): Semaphore {
    const bare = checkName(name);
    return new Semaphore(create(bare, checkOptions(options, CREATE_KEYS)));
  }

  /** Attaches to a semaphore that exists, whoever made it. Throws SystemError `ENOENT`, ForeignError. */
  static attach(name: string, options?: SemaphoreAttachOptions): Semaphore {
    const bare = checkName(name);
    return new Semaphore(attach(bare, checkOptions(options, [...ATTACH_KEYS, 'max'])));
  }

  /** Attaches if the name exists, creates it otherwise; without a race. */
  static open(name: string, options?: SemaphoreCreateOptions & AttachOptions): Semaphore {
    const bare = checkName(name);
    const checked = checkOptions(options, [...CREATE_KEYS, ...ATTACH_KEYS]);
    checkPermits(checked);
    return attachOrCreate(
      'sem_open',
      `/${bare}`,
      () => new Semaphore(attach(bare, checked)),
      () => new Semaphore(create(bare, checked)),
    );
  }

  /**
   * Removes the name; whoever has the semaphore open keeps it. Throws SystemError `ENOENT`, and ForeignError for what is
   * no semaphore.
   */
  static unlink(name: string): void {
    remove(checkName(name));
  }

  /** The name, with its slash. */
  get name(): string {
    return this.#path;
  }

  /** The bound that this handle was opened with, if any. */
  get max(): number | undefined {
    return this.#max;
  }

  /** True after {@link close}. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many permits are free now. */
  get value(): number {
    this.#check();
    return this.#native.value();
  }

  /** @internal What console.log shows. */
  [inspect.custom](depth: number, options: InspectOptions): string {
    return consoleForm(
      this,
      () => this,
      () => ({ value: () => this.value }),
      depth,
      options,
    );
  }

  /** Takes a permit if one is free and nobody of this handle's promise forms waits for it. Does not block. */
  tryAcquire(): boolean {
    this.#check();
    return this.#tryInTurn();
  }

  /** Takes a permit, blocking this thread until there is one. Throws TimeoutError. */
  acquireSync(wait?: SyncWaitOptions): void {
    this.#check();
    const timeout = checkSyncWait(wait);
    if (this.#tryInTurn()) return;
    // While this thread is blocked no promise can run: what the semaphore's thread takes meanwhile would be lost to us.
    if (this.#listening) this.#native.want(0);
    try {
      if (this.#collected() || this.#waitBlocked(timeout)) this.#native.acknowledge();
    } finally {
      if (this.#listening) this.#settle();
    }
  }

  /**
   * Resolves once a permit was taken; first come, first served within this handle. The event loop runs on, and the
   * process stays alive while waiting.
   *
   * Rejects with TimeoutError, with the signal's reason (at once; a permit that arrives late goes to the next waiter or
   * back), or with ClosedError.
   */
  async acquire(wait?: WaitOptions): Promise<void> {
    this.#check();
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    if (this.#tryInTurn()) return;
    try {
      await this.#line.wait(this.#taking, timeout, signal, this.#noPermit());
    } finally {
      if (!this.#closed) this.#want();
    }
  }

  /**
   * Gives `n` permits back, or adds them. Does not block, except with `max` for other bounded releases of the same
   * semaphore (microseconds).
   *
   * @throws RangeError, with nothing changed, if there would be more than `max` (or 2,147,483,647) permits;
   *   TimeoutError if another bounded release has not finished within a second (its process is stopped)
   */
  release(n = 1): void {
    this.#check();
    checkInteger('n', n, 1, MOST_PERMITS);
    if (this.#file === undefined) this.#post(n, MOST_PERMITS);
    else this.#releaseBounded(n, this.#file);
  }

  /** Gives this handle back: pending waits end with ClosedError. The semaphore stays. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    forgetOnExit(this);
    this.#line.failAll(() => closedError(this.#path));
    if (leaving() && this.#listening) this.#native.halt();
    this.#native.close();
    this.#file?.close();
  }

  /** As {@link close}: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    this.#line.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    this.#line.keepsAlive = false;
    return this;
  }

  #check(): void {
    if (this.#closed) throw closedError(this.#path);
  }

  #noPermit(): string {
    return `'${this.#path}': no permit was free`;
  }

  #tryInTurn(): boolean {
    this.#line.advance();
    return this.#line.idle && this.#native.tryWait();
  }

  #takeGranted(): boolean {
    if (this.#granted === 0) return false;
    this.#granted--;
    return true;
  }

  /** Blocks until a permit was taken; throws TimeoutError. */
  #waitBlocked(timeout: number): boolean {
    const deadline = deadlineAfter(timeout);
    for (;;) {
      const left = deadline - now();
      if (left <= 0) throw timedOut(this.#noPermit(), timeout);
      if (this.#native.wait(Math.min(left, LONGEST_SLEEP))) return true;
    }
  }

  /** Takes over what the thread has taken; true if the caller, who is about to block, may have one of the permits. */
  #collected(): boolean {
    if (!this.#listening) return false;
    this.#granted += this.#native.collect();
    return this.#takeGranted();
  }

  /** Tells the thread how many permits our promises wait for. */
  #want(): void {
    const waiting = this.#line.length;
    if (!this.#listening) {
      if (waiting === 0) return;
      this.#listening = true;
      this.#native.onPermits((permits) => {
        this.#granted += permits;
        this.#settle();
      });
    }
    this.#native.want(waiting);
  }

  /** Hands granted permits out in order; what nobody wants any more goes back. */
  #settle(): void {
    this.#line.wake();
    while (this.#takeGranted()) this.#native.giveBack();
    this.#want();
  }

  #post(n: number, most: number): void {
    const value = this.#native.value();
    if (value + n > most) {
      const limit = most === MOST_PERMITS ? '' : ' (max)';
      throw outOfRange(
        `the permits of '${this.#path}' after release(${n})`,
        `at most ${most}${limit}; nothing was released`,
        value + n,
      );
    }
    this.#native.post(n);
  }

  #releaseBounded(n: number, file: NativeSegment): void {
    const deadline = deadlineAfter(LONGEST_RELEASE);
    while (!file.tryLock(RELEASE_BYTE)) {
      if (now() >= deadline) {
        throw new TimeoutError(
          `'${this.#path}': another process has been releasing for ${LONGEST_RELEASE} ms (is it stopped?); nothing was released`,
        );
      }
      sleepBriefly(0.1);
    }
    try {
      this.#post(n, this.#max ?? MOST_PERMITS);
    } finally {
      file.unlock(RELEASE_BYTE);
    }
  }
}
