/** A semaphore whose permits have owners: those of a killed process come back. */

import { damaged, MismatchError, refuseNew } from '../errors.js';
import { sleepers } from '../memory/activity.js';
import type { Facts } from '../memory/console-form.js';
import { registerDescriber } from '../memory/directory.js';
import type { Holder } from '../memory/roster.js';
import {
  attachSegment,
  createSegment,
  type ObjectType,
  openSegment,
  type Segment,
  WORDS_ONLY,
} from '../memory/segment.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkInteger,
  checkObjectName,
  checkOptions,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import type { Guard } from './guard.js';
import { LockObject } from './lock-object.js';
import { type PermitWords, permitWordsOf } from './permit-words.js';
import { POOL } from './pool-layout.js';

const MOST_PERMITS = 4096;

interface PoolShape {
  readonly permits: number;
}

const POOL_TYPE: ObjectType<PoolShape> = {
  ...WORDS_ONLY,
  kind: 'pool',
  wordsBytes: ({ permits }) => 4 * (POOL.PERMITS + permits),
  ownerWords: ({ permits }) => Array.from({ length: permits }, (_, n) => POOL.PERMITS + n),
  schema: ({ permits }) => ({ permits }),
  parse({ permits }, header, path) {
    if (!Number.isInteger(permits) || (permits as number) < 1 || (permits as number) > MOST_PERMITS)
      throw damaged(path, `a pool of ${String(permits)} permits makes no sense`);
    if (header.wordsBytes < 4 * (POOL.PERMITS + (permits as number)))
      throw damaged(path, 'it is too small for its permits');
    return { permits: permits as number };
  },
};

registerDescriber(
  'pool',
  ({ header, owner }) => {
    const { permits } = POOL_TYPE.parse(header.schema, header, 'the object');
    const owners = Array.from({ length: permits }, (_, n) => owner(POOL.PERMITS + n));
    const holders = owners.filter((one) => one !== undefined);
    return { available: permits - holders.filter(({ alive }) => alive).length, holders };
  },
  ({ words }) => ({ waits: sleepers(words, POOL.SLEEP, 'permit') }),
);

function checkPermits(permits: unknown): PoolShape {
  return { permits: checkInteger('permits', permits, 1, MOST_PERMITS) };
}

/**
 * A fixed number of permits under a name: so many may do something at a time, in all processes together.
 *
 * ```js
 * const { PermitPool, unlink } = require('isthmus');
 * const downloads = PermitPool.open('example-downloads', 4); // four at a time, whoever they are
 * const permit = downloads.acquireSync({ timeout: 1000 });
 * console.log(downloads.available); // 3
 * permit.release();
 * downloads.close();
 * unlink('example-downloads');
 * ```
 *
 * The robust sibling of `Semaphore`: every permit has an owner. When that one is killed, crashes or is terminated, its
 * permits come back at once, and whoever gets one of them next is told (`permit.abandoned`). There are never more permits
 * than the pool was made with. Not for programs in other languages: those share a `Semaphore`.
 */
export class PermitPool extends LockObject {
  readonly #words: PermitWords;
  /** How many permits there are in all. */
  readonly permits: number;

  private constructor(segment: Segment, shape: PoolShape) {
    refuseNew(new.target, segment);
    const { permits } = shape;
    const words = permitWordsOf(segment, permits);
    super(segment, words, 'no permit was free');
    this.#words = words;
    this.permits = permits;
  }

  /**
   * Makes a new pool of 1 to 4,096 permits.
   *
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad arguments
   */
  static create(name: string, permits: number, options?: CreateOptions): PermitPool {
    const bare = checkObjectName(name);
    const shape = checkPermits(permits);
    return new PermitPool(createSegment(bare, POOL_TYPE, shape, checkOptions(options, CREATE_KEYS)), shape);
  }

  /** Attaches to a pool that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions): PermitPool {
    const bare = checkObjectName(name);
    const checked = checkOptions(options, ATTACH_KEYS);
    const { segment, shape } = attachSegment(bare, POOL_TYPE, checked);
    return new PermitPool(segment, shape);
  }

  /** Attaches if the name exists (the number of permits must agree), creates it otherwise; without a race. */
  static open(name: string, permits: number, options?: CreateOptions & AttachOptions): PermitPool {
    const bare = checkObjectName(name);
    const wanted = checkPermits(permits);
    const agree = (shape: PoolShape): void => {
      if (shape.permits === wanted.permits) return;
      throw new MismatchError(
        `'/${bare}' has ${shape.permits} permits, not ${wanted.permits}; open it with that number, or unlink it first`,
      );
    };
    const checked = checkOptions(options, OPEN_KEYS);
    const { segment, shape } = openSegment(bare, POOL_TYPE, checked, agree, () => wanted);
    return new PermitPool(segment, shape);
  }

  /** How many permits could be taken now: those that nobody has, and those of the dead. */
  get available(): number {
    this.check();
    return this.#words.available;
  }

  /** Who has permits: each living process or worker once. */
  get holders(): Holder[] {
    this.check();
    return this.#words.holders;
  }

  /** @internal */
  protected override facts(): Facts {
    return { permits: () => this.permits, available: () => this.available };
  }

  /** Runs `fn` (synchronous) with a permit, and returns its result. Blocks and throws as {@link acquireSync}. */
  withPermitSync<R>(fn: (permit: Guard) => R, wait?: SyncWaitOptions): R {
    this.check();
    return this.acquirer.runSync(fn, wait);
  }

  /** Runs `fn`, which may be asynchronous, with a permit; resolves with its result. Rejects as {@link acquire}. */
  async withPermit<R>(fn: (permit: Guard) => R | PromiseLike<R>, wait?: WaitOptions): Promise<R> {
    this.check();
    return this.acquirer.run(fn, wait);
  }
}
