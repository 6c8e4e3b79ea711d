/** Mutual exclusion between unrelated processes, which survives a killed holder. */

import { refuseNew } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import type { Holder } from '../memory/roster.js';
import type { Segment } from '../memory/segment.js';
import type { AttachOptions, CreateOptions, SyncWaitOptions, WaitOptions } from '../options.js';
import type { Guard } from './guard.js';
import { lockKind } from './lock-kind.js';
import { LOCK } from './lock-layout.js';
import { LockObject } from './lock-object.js';
import { type RobustLock, robustLockOf } from './robust-lock.js';

const LOCKS = lockKind('lock', 'a Lock');

/**
 * A lock under a name: of all processes and workers that open it, one at a time holds it.
 *
 * ```js
 * const { Lock, unlink } = require('isthmus');
 * const lock = Lock.open('example-lock');
 * const guard = lock.acquireSync({ timeout: 1000 });
 * if (guard.abandoned) console.log('the last holder died: check what it was changing');
 * // … whatever only one may do at a time …
 * guard.release();
 * lock.withLockSync(() => console.log('the same, released whatever happens'));
 * lock.close();
 * unlink('example-lock');
 * ```
 *
 * When the holder is killed, crashes or is terminated, the next one gets the lock at once and is told
 * (`guard.abandoned`). A holder that is merely stopped or slow keeps it: death is never concluded from time.
 *
 * The holder is the environment: a process's main thread, or one of its workers. Not re-entrant.
 */
export class Lock extends LockObject {
  readonly #lock: RobustLock;

  /** @internal `index`: the owner word in the segment's control words. */
  constructor(segment: Segment, index: number = LOCK.OWNER) {
    refuseNew(new.target, segment);
    const lock = robustLockOf(segment, index, true);
    super(segment, lock, 'the lock was not free');
    this.#lock = lock;
  }

  /** Makes a new lock. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create(name: string, options?: CreateOptions): Lock {
    return new Lock(LOCKS.create(name, options));
  }

  /** Attaches to a lock that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions): Lock {
    return new Lock(LOCKS.attach(name, options));
  }

  /** Attaches if the name exists, creates it otherwise; without a race. Throws as both do. */
  static open(name: string, options?: CreateOptions & AttachOptions): Lock {
    return new Lock(LOCKS.open(name, options));
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

  /** @internal */
  protected override facts(): Facts {
    return { owner: () => this.owner };
  }

  /** Runs `fn` (synchronous) while holding the lock, and returns its result. Blocks and throws as {@link acquireSync}. */
  withLockSync<R>(fn: (guard: Guard) => R, wait?: SyncWaitOptions): R {
    this.check();
    return this.acquirer.runSync(fn, wait);
  }

  /** Runs `fn`, which may be asynchronous, while holding the lock; resolves with its result. Rejects as {@link acquire}. */
  async withLock<R>(fn: (guard: Guard) => R | PromiseLike<R>, wait?: WaitOptions): Promise<R> {
    this.check();
    return this.acquirer.run(fn, wait);
  }
}
