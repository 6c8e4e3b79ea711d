/** A lock that its owner may take again. */

import { refuseNew } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import type { Holder } from '../memory/roster.js';
import type { Segment } from '../memory/segment.js';
import {
  type AttachOptions,
  type CreateOptions,
  checkSyncWait,
  checkWait,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Readiness, WAITABLE } from '../waiting/waitable.js';
import type { Guard } from './guard.js';
import { lockKind } from './lock-kind.js';
import { LOCK } from './lock-layout.js';
import { LockObject } from './lock-object.js';
import { type RecursiveLock, recursiveLockOf } from './recursive-lock.js';
import { isInside, runInside, runInsideSync } from './scope.js';

const RLOCKS = lockKind('rlock', 'an RLock');

/**
 * A lock under a name that whoever holds it may take again: a function that locks may call another one that does.
 *
 * ```js
 * const { RLock, unlink } = require('isthmus');
 * const lock = RLock.open('example-rlock');
 * const add = () => lock.withLockSync(() => console.log('adds', lock.depth)); // adds 2
 * lock.withLockSync(() => add());
 * lock.withLock(async () => {
 *   await lock.withLock(() => console.log('the same flow', lock.depth)); // the same flow 2
 * }).then(() => {
 *   lock.close();
 *   unlink('example-rlock');
 * });
 * ```
 *
 * It is free again when every guard is released, in any order. The holder is the environment: a process's main thread,
 * or one of its workers. Who in it may take the lock again:
 *
 * - what runs inside `withLock(fn)` or `withLockSync(fn)`, however many awaits deep, in any form;
 * - a Sync form, where the lock was taken by a Sync form. (A guard of `acquireSync` that is kept across an `await` is
 *   open to the Sync forms of the whole environment. Use `withLock` there.)
 *
 * Everything else waits: two asynchronous flows of one process exclude each other as two processes do. So does a second
 * `await acquire()` outside of `withLock`, which nothing tells from another flow: it waits for the first guard. A Sync
 * form that would wait for a flow of its own environment, which cannot go on meanwhile, is a DeadlockError.
 *
 * A killed holder: as `Lock`. The first guard is told (`guard.abandoned`), not those inside it.
 */
export class RLock extends LockObject {
  readonly #lock: RecursiveLock;

  /** @internal `index`: the owner word in the segment's control words. */
  constructor(segment: Segment, index: number = LOCK.OWNER) {
    refuseNew(new.target, segment);
    const lock = recursiveLockOf(segment, index);
    super(segment, lock, 'the lock was not free');
    this.#lock = lock;
  }

  /** Makes a new lock. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create(name: string, options?: CreateOptions): RLock {
    return new RLock(RLOCKS.create(name, options));
  }

  /** Attaches to a lock that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions): RLock {
    return new RLock(RLOCKS.attach(name, options));
  }

  /** Attaches if the name exists, creates it otherwise; without a race. Throws as both do. */
  static open(name: string, options?: CreateOptions & AttachOptions): RLock {
    return new RLock(RLOCKS.open(name, options));
  }

  /** @internal True while this environment holds the lock. */
  get heldHere(): boolean {
    return this.#lock.heldHere;
  }

  /** True while somebody alive holds the lock. */
  get locked(): boolean {
    return this.owner !== undefined;
  }

  /** Who holds the lock: process id (as it sees itself) and thread (0: the main thread, else the worker's `threadId`). */
  get owner(): Holder | undefined {
    this.check();
    return this.#lock.holder;
  }

  /** How many guards of this environment hold the lock; 0 if it does not. */
  get depth(): number {
    this.check();
    return this.#lock.depth;
  }

  /** @internal */
  protected override facts(): Facts {
    return { owner: () => this.owner, depth: () => this.depth };
  }

  /** Takes the lock if it is free, or the caller's to take again; `undefined` if not. Does not block. */
  override tryAcquire(): Guard | undefined {
    this.check();
    return this.#again(true) ?? this.acquirer.tryAcquire();
  }

  /** As `Lock.acquireSync`; at once where the lock is the caller's to take again (see {@link RLock}). */
  override acquireSync(wait?: SyncWaitOptions): Guard {
    this.check();
    checkSyncWait(wait);
    return this.#again(true) ?? this.acquirer.acquireSync(wait);
  }

  /** As `Lock.acquire`; at once inside `withLock` (see {@link RLock}). */
  override async acquire(wait?: WaitOptions): Promise<Guard> {
    this.check();
    checkWait(wait).signal?.throwIfAborted();
    return this.#again(false) ?? this.acquirer.acquire(wait);
  }

  /** Runs `fn` (synchronous) while holding the lock, and returns its result. Blocks and throws as {@link acquireSync}. */
  withLockSync<R>(fn: (guard: Guard) => R, wait?: SyncWaitOptions): R {
    return runInsideSync(this, fn, wait);
  }

  /** Runs `fn`, which may be asynchronous, while holding the lock; resolves with its result. Rejects as {@link acquire}. */
  withLock<R>(fn: (guard: Guard) => R | PromiseLike<R>, wait?: WaitOptions): Promise<R> {
    return runInside(this, fn, wait);
  }

  /** For waitAny: ready also when the lock is the caller's to take again. */
  override [WAITABLE](): Readiness {
    const readiness = super[WAITABLE]();
    const again = this.#mayTakeAgain(true); // of the flow that asks, which does not go on before the answer
    return { ...readiness, ready: () => readiness.ready() || (again && this.#lock.depth > 0) };
  }

  #mayTakeAgain(sync: boolean): boolean {
    const lock = this.#lock;
    if (lock.depth === 0) return false;
    return (sync && lock.takenBySync) || isInside(({ what }) => what === lock);
  }

  /** A guard one level deeper, if the caller may take the lock again. */
  #again(sync: boolean): Guard | undefined {
    if (!this.#mayTakeAgain(sync)) return undefined;
    this.#lock.depth++;
    return this.acquirer.guard(false);
  }
}
