/** Mutual exclusion between unrelated processes, which survives a killed holder. */

import { refuseNew } from '../errors.js';
import { queued } from '../memory/activity.js';
import type { Facts } from '../memory/console-form.js';
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
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkObjectName,
  checkOptions,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import type { Guard } from './guard.js';
import { LOCK, LOCK_WORDS_BYTES } from './lock-layout.js';
import { LockObject } from './lock-object.js';
import { type RobustLock, robustLockOf } from './robust-lock.js';

const LOCK_TYPE: ObjectType<undefined> = {
  kind: 'lock',
  wordsBytes: () => LOCK_WORDS_BYTES,
  ownerWords: () => [LOCK.OWNER],
  payload: () => ({ bytes: 0, mirrored: false }),
  schema: () => ({}),
  initialise: () => undefined,
  parse(_schema, header, path) {
    if (header.wordsBytes < LOCK_WORDS_BYTES) throw schemaCorrupt(path, 'it is too small for a Lock');
    return undefined;
  },
};

registerDescriber(
  'lock',
  ({ owner }) => ({ holder: owner(LOCK.OWNER) }),
  ({ words }) => ({ waits: queued(words, LOCK.OWNER) }),
);

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
