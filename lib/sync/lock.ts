/** Mutual exclusion between unrelated processes, which survives a killed holder. */

import { DeadlockError, invalidType } from '../errors.js';
import { registerDescriber } from '../memory/directory.js';
import type { Holder } from '../memory/roster.js';
import {
  attachSegment,
  createSegment,
  type ObjectType,
  openSegment,
  type Segment,
  schemaCorrupt,
} from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkFunction,
  checkObjectName,
  checkOptions,
  checkSyncWait,
  checkWait,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Blocking, ELSEWHERE, PENDING } from '../waiting/blocking.js';
import { Line, type LineOperation } from '../waiting/line.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { Guard, type Hold } from './guard.js';
import { LOCK, LOCK_WORDS_BYTES } from './lock-layout.js';
import { type RobustLock, robustLockOf } from './robust-lock.js';

const LOCK_TYPE: ObjectType<undefined> = {
  kind: 'lock',
  wordsBytes: LOCK_WORDS_BYTES,
  ownerWords: [LOCK.OWNER],
  payload: () => ({ bytes: 0, mirrored: false }),
  schema: () => ({}),
  initialise: () => undefined,
  parse(_schema, header, path) {
    if (header.wordsBytes < LOCK_WORDS_BYTES) throw schemaCorrupt(path, 'it is too small for a Lock');
    return undefined;
  },
};

registerDescriber('lock', ({ owner }) => ({ holder: owner(LOCK.OWNER) }));

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
export class Lock extends SharedObject {
  readonly #lock: RobustLock;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #line = new Line();
  /** Of the guard that holds the lock, if it came from this handle. */
  #hold: Hold | undefined;
  /** The last guard, until the next turn of the event loop: if it is still held then, it may have been forgotten. */
  #latest: Guard | undefined;
  #looking = false;
  readonly #lookAtLatest = (): void => {
    this.#looking = false;
    Guard.watch(this.#latest!);
    this.#latest = undefined;
  };
  readonly #release = (): boolean => this.#lock.release(false);
  readonly #blocking: Blocking<boolean> = {
    attempt: () => this.#lock.attempt(),
    arm: () => {
      const point = this.#lock.armSync();
      if (point !== ELSEWHERE) return point;
      // We did not hold it when this thread began to block: somebody else wrote that we do.
      throw schemaCorrupt(this.name, 'its lock word names a waiter as its holder');
    },
  };
  readonly #acquiring: LineOperation<Guard> = {
    attempt: () => this.#guard(this.#lock.attempt()) ?? PENDING,
    arm: () => this.#lock.arm(),
  };

  /** @internal `index`: the owner word in the segment's control words. */
  constructor(segment: Segment, index: number = LOCK.OWNER) {
    super(segment);
    this.#lock = robustLockOf(segment, index);
    this.#lock.lines.add(this.#line);
  }

  /** Makes a new lock. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create(name: string, options?: CreateOptions): Lock {
    const bare = checkObjectName(name);
    return new Lock(createSegment(bare, LOCK_TYPE, undefined, checkOptions(options, CREATE_KEYS)));
  }

  /** Attaches to a lock that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions): Lock {
    const bare = checkObjectName(name);
    const checked = checkOptions(options, ATTACH_KEYS);
    return new Lock(attachSegment(bare, LOCK_TYPE, checked, () => undefined).segment);
  }

  /** Attaches if the name exists, creates it otherwise; without a race. Throws as both do. */
  static open(name: string, options?: CreateOptions & AttachOptions): Lock {
    const bare = checkObjectName(name);
    const agree = (): undefined => undefined;
    return new Lock(openSegment(bare, LOCK_TYPE, checkOptions(options, OPEN_KEYS), agree, agree).segment);
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

  /** Takes the lock if it is free (and no promise form of this handle waits for it). Does not block. */
  tryAcquire(): Guard | undefined {
    this.check();
    this.#line.advance();
    return this.#line.idle ? this.#guard(this.#lock.attemptOnce()) : undefined;
  }

  /**
   * Takes the lock, blocking this thread until it is free or its holder is dead. Goes before promise forms of this
   * process that wait: they could not run meanwhile.
   *
   * @throws TimeoutError; DeadlockError if this environment holds the lock itself, so that nobody could release it
   */
  acquireSync(wait?: SyncWaitOptions): Guard {
    this.check();
    const timeout = checkSyncWait(wait);
    if (this.#lock.heldHere) {
      throw new DeadlockError(
        `'${this.name}' is held by this very process or worker: a Sync form would wait for itself; release the guard first, or await acquire()`,
      );
    }
    const abandoned = blockSync(this.#blocking, this.#spin, timeout, this.#notFree());
    return this.#guard(abandoned)!;
  }

  /**
   * Resolves with a guard once the lock is free or its holder is dead; first come, first served within this handle. The
   * event loop runs on; the process stays alive while waiting. Waiting for a guard that this process holds is no error:
   * another task may release it.
   *
   * Rejects with TimeoutError, the signal's reason, or ClosedError when this handle is closed.
   */
  async acquire(wait?: WaitOptions): Promise<Guard> {
    this.check();
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    if (this.#line.idle) {
      const guard = this.#guard(this.#lock.attempt());
      if (guard !== undefined) return guard;
    }
    return this.#line.wait(this.#acquiring, timeout, signal, this.#notFree());
  }

  /** Runs `fn` (synchronous) while holding the lock, and returns its result. Blocks and throws as {@link acquireSync}. */
  withLockSync<R>(fn: (guard: Guard) => R, wait?: SyncWaitOptions): R {
    checkFunction('fn', fn);
    const guard = this.acquireSync(wait);
    try {
      const result = fn(guard);
      if (result instanceof Promise) {
        throw invalidType(
          'the result of fn',
          'a value, not a promise (the lock is released when fn returns; use withLock for asynchronous work)',
          result,
        );
      }
      return result;
    } finally {
      guard[Symbol.dispose]();
    }
  }

  /** Runs `fn`, which may be asynchronous, while holding the lock; resolves with its result. Rejects as {@link acquire}. */
  async withLock<R>(fn: (guard: Guard) => R | PromiseLike<R>, wait?: WaitOptions): Promise<R> {
    checkFunction('fn', fn);
    const guard = await this.acquire(wait);
    try {
      return await fn(guard);
    } finally {
      guard[Symbol.dispose]();
    }
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

  /** @internal A lock that is still held is given up as abandoned: whatever it protects was not finished. */
  protected override onClose(): void {
    this.#lock.lines.delete(this.#line);
    this.#line.failAll(() => closedError(this.name));
    if (this.#hold?.state !== 'held') return;
    this.#hold.state = 'lost';
    this.#lock.release(true);
  }

  #guard(abandoned: boolean | typeof PENDING): Guard | undefined {
    if (abandoned === PENDING) return undefined;
    this.#hold = { path: this.name, state: 'held', release: this.#release };
    this.#latest = new Guard(this.#hold, abandoned);
    if (!this.#looking) {
      this.#looking = true;
      setImmediate(this.#lookAtLatest).unref();
    }
    return this.#latest;
  }

  #notFree(): string {
    return `'${this.name}': the lock was not free`;
  }
}
