/** Many readers or one writer, between unrelated processes; survives killed readers and killed writers. */

import { type InspectOptions, inspect } from 'node:util';
import { DeadlockError } from '../errors.js';
import { queued, sleepers } from '../memory/activity.js';
import { type Facts, factsOf } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import { PlainKind } from '../memory/plain-kind.js';
import type { Holder } from '../memory/roster.js';
import type { Segment } from '../memory/segment.js';
import { SharedObject } from '../memory/shared-object.js';
import { readSlotTable, slotTableBytes, slotTableOwners } from '../memory/slot-table.js';
import {
  type AttachOptions,
  type CreateOptions,
  checkSyncWait,
  checkWait,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Readiness, type Registry, WAITABLE, type Waitable } from '../waiting/waitable.js';
import { type Acquirable, Acquirer } from './acquirer.js';
import type { Guard } from './guard.js';
import { rwWordsOf } from './rw-words.js';
import { RWLOCK } from './rwlock-layout.js';
import { isInside, runInside, runInsideSync } from './scope.js';

const RWLOCKS = new PlainKind(
  'rwlock',
  'the readers of a RwLock',
  (participants) => 4 * RWLOCK.READERS + slotTableBytes(participants),
  (participants) => [RWLOCK.WRITER, ...slotTableOwners(RWLOCK.READERS, participants)],
);

registerDescriber(
  'rwlock',
  ({ header, words, owner }) => {
    const readers = readSlotTable(words, RWLOCK.READERS, header.participants, owner);
    return {
      holder: owner(RWLOCK.WRITER),
      readers: readers.filter(({ count }) => count !== 0).map(({ owner: one }) => one),
      abandoned: words[RWLOCK.DIRTY] !== 0 && owner(RWLOCK.WRITER)?.alive !== true,
    };
  },
  ({ words, owner }) => {
    const writer = owner(RWLOCK.WRITER);
    const drains = sleepers(words, RWLOCK.DRAIN, 'readers to leave');
    const next = drains.map((wait) => ({
      ...wait,
      ...(writer === undefined ? {} : { count: 1, who: [writer] }),
    }));
    return { waits: [...queued(words, RWLOCK.WRITER), ...next] };
  },
);

/** One side of a {@link RwLock}: what a Lock has. */
export class RwLockSide implements Waitable {
  readonly #check: () => void;
  readonly #acquirer: Acquirer;
  readonly #holders: () => Holder[];
  /** A guard, if the flow that asks holds the lock so that it gets it at once. Throws if it would wait for itself. */
  readonly #again: () => Guard | undefined;
  readonly #closing: Registry;

  /** @internal */
  constructor(
    acquirer: Acquirer,
    check: () => void,
    holders: () => Holder[],
    again: () => Guard | undefined,
    closing: Registry,
  ) {
    this.#acquirer = acquirer;
    this.#check = check;
    this.#holders = holders;
    this.#again = again;
    this.#closing = closing;
  }

  /** @internal What console.log shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    return `RwLockSide ${inspect(factsOf({ owner: () => this.owner }), options)}`;
  }

  /** True while somebody alive holds this side; for `write` also while it waits for the readers to leave. */
  get locked(): boolean {
    return this.owner !== undefined;
  }

  /** Who holds this side; of several readers any one. */
  get owner(): Holder | undefined {
    this.#check();
    return this.#holders()[0];
  }

  /** As `Lock.tryAcquire`. Throws DeadlockError inside `withLock` where that would wait for itself. */
  tryAcquire(): Guard | undefined {
    this.#check();
    return this.#again() ?? this.#acquirer.tryAcquire();
  }

  /**
   * As `Lock.acquireSync`.
   *
   * @throws TimeoutError; DeadlockError if this environment holds `write`, or asks for `write` while it holds `read`
   */
  acquireSync(wait?: SyncWaitOptions): Guard {
    this.#check();
    checkSyncWait(wait);
    return this.#again() ?? this.#acquirer.acquireSync(wait);
  }

  /**
   * As `Lock.acquire`. Inside `read.withLock` reading again is at once, also while a writer waits. Rejects with
   * DeadlockError inside `withLock` where it would wait for itself.
   */
  async acquire(wait?: WaitOptions): Promise<Guard> {
    this.#check();
    checkWait(wait).signal?.throwIfAborted();
    return this.#again() ?? this.#acquirer.acquire(wait);
  }

  /** For waitAny: ready when it could be acquired. */
  [WAITABLE](): Readiness {
    return this.#acquirer.readiness(this.#check, this.#closing);
  }

  /** As `Lock.withLockSync`. */
  withLockSync<R>(fn: (guard: Guard) => R, wait?: SyncWaitOptions): R {
    return runInsideSync(this, fn, wait);
  }

  /** As `Lock.withLock`. */
  withLock<R>(fn: (guard: Guard) => R | PromiseLike<R>, wait?: WaitOptions): Promise<R> {
    return runInside(this, fn, wait);
  }
}

/**
 * A lock under a name that many may hold for reading, or one for writing.
 *
 * ```js
 * const { RwLock, unlink } = require('isthmus');
 * const lock = RwLock.open('example-rwlock');
 * const reader = lock.read.acquireSync(); // others may read as well
 * console.log(lock.write.tryAcquire()); // undefined
 * reader.release();
 * lock.write.withLockSync(({ abandoned }) => {
 *   if (abandoned) console.log('the last writer died: check what it was changing');
 * });
 * lock.close();
 * unlink('example-rwlock');
 * ```
 *
 * Writers do not starve: once one waits, new readers wait behind it. Readers that die leave nothing behind. When a writer
 * is killed, crashes or is terminated, the next one who comes gets the lock at once and is told: readers and writers see
 * `guard.abandoned` until a writer has released it normally.
 *
 * A read lock cannot be turned into a write lock (two who tried would wait for each other): the Sync forms, and what runs
 * inside `read.withLock`, get a DeadlockError. Release the read guard first, and look again at what you have read.
 */
export class RwLock extends SharedObject {
  /** For those who only look; any number at a time. Re-entrant in its Sync forms, and inside `withLock`. */
  readonly read: RwLockSide;
  /** For one who changes something. Not re-entrant. */
  readonly write: RwLockSide;
  readonly #sides: readonly Acquirer[];

  private constructor(segment: Segment) {
    super(segment);
    const words = rwWordsOf(segment);
    const { path } = segment;
    const check = (): void => this.check();
    const acquirer = (what: Acquirable, notFree: string): Acquirer => new Acquirer(what, path, notFree);
    const reading = acquirer(words.read, 'the lock was not free for reading');
    const writing = acquirer(words.write, 'the lock was not free for writing');
    const inside = (what: Acquirable): boolean => isInside((hold) => hold.what === what);
    const refuse = (what: Acquirable, side: string, form: string): void => {
      if (!inside(what)) return;
      throw new DeadlockError(
        `'${path}' is asked for ${form} inside ${side}.withLock(), so it would wait for itself; leave that first`,
      );
    };
    this.read = new RwLockSide(
      reading,
      check,
      () => words.read.holders,
      () => {
        refuse(words.write, 'write', 'reading');
        return inside(words.read) ? reading.guard(words.read.attemptSync()) : undefined;
      },
      this.closing,
    );
    this.write = new RwLockSide(
      writing,
      check,
      () => [words.write.holder].filter((one) => one !== undefined),
      () => {
        refuse(words.read, 'read', 'writing');
        refuse(words.write, 'write', 'writing');
        return undefined;
      },
      this.closing,
    );
    this.#sides = [reading, writing];
  }

  /** Makes a new lock. Throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full. */
  static create(name: string, options?: CreateOptions): RwLock {
    return new RwLock(RWLOCKS.create(name, options));
  }

  /** Attaches to a lock that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions): RwLock {
    return new RwLock(RWLOCKS.attach(name, options));
  }

  /** Attaches if the name exists, creates it otherwise; without a race. Throws as both do. */
  static open(name: string, options?: CreateOptions & AttachOptions): RwLock {
    return new RwLock(RWLOCKS.open(name, options));
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    for (const side of this.#sides) side.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    for (const side of this.#sides) side.keepsAlive = false;
    return this;
  }

  /** @internal */
  protected override facts(): Facts {
    return { read: () => this.read, write: () => this.write };
  }

  /** @internal A write lock that is still held is given up as abandoned: what it protects was not finished. */
  protected override onClose(): void {
    for (const side of this.#sides) side.close();
  }
}
