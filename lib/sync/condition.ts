/** Waiting, with a lock given up meanwhile, until somebody says that something has changed. */

import { invalidType, NotOwnerError, TimeoutError } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkFunction,
  checkInteger,
  checkObjectName,
  checkSyncWait,
  checkWait,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { deadlineAfter, now, timedOut } from '../waiting/clock.js';
import { Line } from '../waiting/line.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import type { Acquirer } from './acquirer.js';
import {
  agree,
  CONDITION_TYPE,
  type ConditionLock,
  type ConditionOptions,
  type ConditionShape,
  type LockOf,
  OWN_LOCK,
  openLock,
  splitLock,
} from './condition-shape.js';
import { type ConditionWords, conditionWordsOf, type Ticket } from './condition-words.js';
import { Guard, type Hold, overwritten } from './guard.js';
import type { Lock } from './lock.js';
import type { RLock } from './rlock.js';

/**
 * A condition under a name: who holds its lock may wait, which gives the lock up, until another one that holds it
 * notifies.
 *
 * ```js
 * const { Condition, unlink } = require('isthmus');
 * const filled = Condition.open('example-filled');
 * const items = [];
 * const consume = filled.lock.withLock(async (guard) => {
 *   await filled.waitFor(guard, () => items.length > 0); // gives the lock up while it waits
 *   console.log(items.pop());
 * });
 * filled.lock.withLock(() => {
 *   items.push('something');
 *   filled.notify();
 * });
 * consume.then(() => {
 *   filled.close();
 *   unlink('example-filled');
 * });
 * ```
 *
 * A notification is not remembered: it is for those who wait at that moment. One that is given to a wait which times out,
 * is aborted or closed, or whose process is killed before it has the lock again, goes to another one that waits (after a
 * death within a second). Killed waiters are not counted; a killed holder of the lock is what it is for `Lock`.
 */
export class Condition<L extends Lock | RLock = Lock | RLock> extends SharedObject {
  readonly #words: ConditionWords;
  readonly #lock: L;
  readonly #ownsLock: boolean;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #line = new Line();
  readonly #tickets = new Set<Ticket>();

  private constructor(
    segment: Segment,
    shape: ConditionShape,
    given: ConditionLock | undefined,
    options: AttachOptions,
  ) {
    super(segment);
    const { owner } = options;
    this.#words = conditionWordsOf(segment);
    this.#ownsLock = typeof given === 'string' || given === undefined;
    try {
      this.#lock = (this.#ownsLock ? openLock(segment, shape, owner) : given) as L;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Makes a new condition. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create<K extends ConditionLock = 'lock'>(
    name: string,
    options?: CreateOptions & ConditionOptions<K>,
  ): Condition<LockOf<K>> {
    const bare = checkObjectName(name);
    const { lock, shape = OWN_LOCK, rest } = splitLock(options, CREATE_KEYS);
    return new Condition(createSegment(bare, CONDITION_TYPE, shape, rest), shape, lock, {});
  }

  /**
   * Attaches to a condition that exists, and to its lock. Throws SystemError `ENOENT`, MismatchError, ForeignError,
   * CorruptError.
   */
  static attach<K extends ConditionLock | undefined = undefined>(
    name: string,
    options?: AttachOptions & ConditionOptions<K>,
  ): Condition<LockOf<K>> {
    const bare = checkObjectName(name);
    const { lock, shape: wanted, rest } = splitLock(options, ATTACH_KEYS);
    const { segment, shape } = attachSegment(bare, CONDITION_TYPE, rest, (found) =>
      agree(bare, found, wanted),
    );
    return new Condition(segment, shape, lock, rest);
  }

  /** Attaches if the name exists (the kind of lock must agree, if it is given), creates it otherwise; without a race. */
  static open<K extends ConditionLock | undefined = undefined>(
    name: string,
    options?: CreateOptions & AttachOptions & ConditionOptions<K>,
  ): Condition<LockOf<K>> {
    const bare = checkObjectName(name);
    const { lock, shape: wanted, rest } = splitLock(options, OPEN_KEYS);
    const compare = (found: ConditionShape): void => agree(bare, found, wanted);
    const { segment, shape } = openSegment(bare, CONDITION_TYPE, rest, compare, () => wanted ?? OWN_LOCK);
    return new Condition(segment, shape, lock, rest);
  }

  /** The lock to hold for {@link Condition.wait} and {@link notify}. The condition's own one is closed with this handle. */
  get lock(): L {
    this.check();
    return this.#lock;
  }

  /**
   * Gives up the lock (all levels of an RLock), waits until it is notified, and takes the lock back, which may take as long
   * as another one holds it. `guard` must hold the lock, and does so again when the promise settles, however it settles;
   * only closing the lock's handle loses it. Look at what you wait for again afterwards, or use {@link waitFor}: others
   * may have been there first.
   *
   * Rejects with NotOwnerError if the guard does not hold the lock; TimeoutError, the signal's reason, or ClosedError when
   * this handle is closed.
   */
  async wait(guard: Guard, wait?: WaitOptions): Promise<void> {
    this.check();
    const { timeout, signal } = checkWait(wait);
    const hold = this.#holdOf(guard);
    signal?.throwIfAborted();
    const ticket = this.#begin(false);
    const deadline = deadlineAfter(timeout);
    let left = timeout;
    for (;;) {
      const suspended = hold.of.suspend(hold);
      let failure: { readonly error: unknown } | undefined;
      try {
        signal?.throwIfAborted();
        await this.#line.wait(this.#operation(ticket), left, signal, this.#notNotified());
      } catch (error) {
        failure = { error };
      }
      try {
        await hold.of.resume(hold, suspended);
      } finally {
        if (hold.state !== 'held') this.#giveUp(ticket); // the lock's handle was closed
      }
      if (this.#end(ticket, failure)) return;
      left = timeout === 0 ? 0 : Math.max(1, deadline - now());
    }
  }

  /** As {@link Condition.wait}, but blocks this thread. */
  waitSync(guard: Guard, wait?: SyncWaitOptions): void {
    this.check();
    const timeout = checkSyncWait(wait);
    const hold = this.#holdOf(guard);
    const ticket = this.#begin(true);
    const deadline = deadlineAfter(timeout);
    let left = timeout;
    for (;;) {
      const suspended = hold.of.suspend(hold);
      let failure: { readonly error: unknown } | undefined;
      try {
        blockSync(this.#operation(ticket), this.#spin, left, this.#notNotified());
      } catch (error) {
        failure = { error };
      }
      try {
        hold.of.resumeSync(hold, suspended);
      } finally {
        if (hold.state !== 'held') this.#giveUp(ticket); // the lock's word was overwritten
      }
      if (this.#end(ticket, failure)) return;
      left = timeout === 0 ? 0 : Math.max(0, deadline - now());
    }
  }

  #begin(blocks: boolean): Ticket {
    const ticket = this.#words.register(blocks);
    this.#tickets.add(ticket);
    return ticket;
  }

  #giveUp(ticket: Ticket): void {
    if (this.#tickets.delete(ticket)) this.#words.giveUp(ticket);
  }

  /** The lock held again: whether the wait is over. Throws if it failed and was not notified all the same. */
  #end(ticket: Ticket, failure: { readonly error: unknown } | undefined): boolean {
    if (!this.#tickets.has(ticket)) throw failure?.error ?? closedError(this.name); // closed: given up there
    if (this.#words.end(ticket)) {
      this.#tickets.delete(ticket);
      return true;
    }
    if (failure === undefined) return false; // somebody else was faster: see Ticket.orphan
    this.#giveUp(ticket);
    throw failure.error;
  }

  #operation(ticket: Ticket): Blocking<true> {
    return {
      attempt: () => (this.#words.ready(ticket) ? true : PENDING),
      arm: () => this.#words.arm(ticket),
    };
  }

  /**
   * Waits until `predicate` returns something truthy, looking whenever it is notified, and resolves with that. At once if
   * it does now. Rejects as {@link Condition.wait}, with the lock held, and with what `predicate` throws.
   */
  async waitFor<T>(guard: Guard, predicate: () => T, wait?: WaitOptions): Promise<T> {
    checkFunction('predicate', predicate);
    const { timeout, signal } = checkWait(wait);
    const deadline = deadlineAfter(timeout);
    this.check();
    this.#holdOf(guard);
    for (let left = timeout; ; left = Math.max(0, deadline - now())) {
      const found = look(predicate);
      if (found) return found;
      if (left <= 0) throw timedOut(this.#notNotified(), timeout);
      try {
        await this.wait(guard, { timeout: left, signal });
      } catch (error) {
        return lastLook(error, guard, predicate);
      }
    }
  }

  /** As {@link waitFor}, but blocks this thread. */
  waitForSync<T>(guard: Guard, predicate: () => T, wait?: SyncWaitOptions): T {
    checkFunction('predicate', predicate);
    const timeout = checkSyncWait(wait);
    const deadline = deadlineAfter(timeout);
    this.check();
    this.#holdOf(guard);
    for (let left = timeout; ; left = Math.max(0, deadline - now())) {
      const found = look(predicate);
      if (found) return found;
      if (left <= 0) throw timedOut(this.#notNotified(), timeout);
      try {
        this.waitSync(guard, { timeout: left });
      } catch (error) {
        return lastLook(error, guard, predicate);
      }
    }
  }

  /**
   * Lets `n` of those who wait now go on; returns how many there were to notify. They go on once this one has released the
   * lock. Does not block.
   *
   * @throws NotOwnerError if this environment does not hold the lock
   */
  notify(n = 1): number {
    this.check();
    checkInteger('n', n, 0, Number.MAX_SAFE_INTEGER);
    if (!this.#lock.heldHere) {
      throw new NotOwnerError(
        `'${this.name}': notify() needs the condition's lock; call it between acquiring and releasing that`,
      );
    }
    return this.#words.notify(n);
  }

  /** Lets everybody who waits now go on; as {@link notify}. */
  notifyAll(): number {
    return this.notify(Number.MAX_SAFE_INTEGER);
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

  /** @internal */
  protected override facts(): Facts {
    return { lock: () => this.#lock.name };
  }

  /** @internal */
  protected override onClose(): void {
    for (const ticket of [...this.#tickets]) this.#giveUp(ticket);
    this.#line.failAll(() => closedError(this.name));
    if (this.#ownsLock) this.#lock?.close();
  }

  #holdOf(guard: Guard): Hold {
    if (!(guard instanceof Guard)) throw invalidType('guard', 'a Guard of the condition’s lock', guard);
    const hold = Guard.holdOf(guard);
    const { what }: Acquirer = this.#lock.acquirer;
    if (hold.state === 'held' && hold.what === what) {
      if (this.#lock.heldHere) return hold;
      // It would be given up in vain, and perhaps never be had back.
      throw overwritten(this.#lock.name);
    }
    throw new NotOwnerError(
      `'${this.name}': the guard does not hold the condition's lock ('${this.#lock.name}'); wait with one that you got from it and have not released`,
    );
  }

  #notNotified(): string {
    return `'${this.name}': nobody notified`;
  }
}

function look<T>(predicate: () => T): T {
  const found = predicate();
  if (found instanceof Promise)
    throw invalidType('the result of predicate', 'no promise (predicate must be synchronous)', found);
  return found;
}

/** What was waited for may have come with the timeout. */
function lastLook<T>(error: unknown, guard: Guard, predicate: () => T): T {
  const found = error instanceof TimeoutError && guard.held && look(predicate);
  if (found) return found as T;
  throw error;
}
