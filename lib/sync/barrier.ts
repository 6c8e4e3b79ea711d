/** A point that a number of parties reach together, in any processes. */

import { BrokenBarrierError, DeadlockError, invalidType } from '../errors.js';
import type { Facts } from '../memory/console-form.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { closedError, SharedObject } from '../memory/shared-object.js';
import {
  ATTACH_KEYS,
  type AttachOptions,
  CREATE_KEYS,
  type CreateOptions,
  checkObjectName,
  checkSyncWait,
  checkWait,
  OPEN_KEYS,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Blocking, PENDING } from '../waiting/blocking.js';
import { deadlineAfter, now } from '../waiting/clock.js';
import { SeparateLines } from '../waiting/separate-lines.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import {
  agreeOnBarrier,
  BARRIER_TYPE,
  type BarrierOptions,
  type BarrierShape,
  checkParties,
  splitAction,
} from './barrier-shape.js';
import { type Arrival, type BarrierWords, barrierWordsOf } from './barrier-words.js';

/**
 * A barrier under a name: `wait` goes on when so many have called it, in whatever processes; then the next round begins.
 *
 * ```js
 * const { Barrier, unlink } = require('isthmus');
 * const barrier = Barrier.open('example-barrier', 2, { action: () => console.log('both are here') });
 * Promise.all([barrier.wait(), barrier.wait()]).then((indexes) => {
 *   console.log(indexes); // [ 0, 1 ]
 *   barrier.close();
 *   unlink('example-barrier');
 * });
 * ```
 *
 * **It breaks** when one gives up (its timeout or signal ends its wait, or its handle is closed while it waits), when an
 * action throws, on `abort()`, and when a party dies. A party is every process or worker that has waited here and has not
 * closed its handle: its death breaks the barrier at once, also while it is not waiting, because the others could wait for
 * it for ever. All who wait, and all who come later, get a BrokenBarrierError, until somebody calls `reset()`.
 */
export class Barrier extends SharedObject {
  /** How many make a round. */
  readonly parties: number;
  readonly #words: BarrierWords;
  readonly #action: (() => unknown) | undefined;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #lines = new SeparateLines();
  /** Of this handle's waits: where they have arrived. */
  readonly #arrivals = new Set<Arrival>();

  private constructor(segment: Segment, shape: BarrierShape, action: (() => unknown) | undefined) {
    super(segment);
    this.parties = shape.parties;
    this.#words = barrierWordsOf(segment, shape.parties);
    this.#action = action;
  }

  /**
   * Makes a new barrier for 1 to 1,023 parties.
   *
   * @throws SystemError `EEXIST` if the name is taken, `ENOSPC` if /dev/shm is full; TypeError or RangeError for bad arguments
   */
  static create(name: string, parties: number, options?: CreateOptions & BarrierOptions): Barrier {
    const bare = checkObjectName(name);
    const shape = checkParties(parties);
    const { action, rest } = splitAction(options, CREATE_KEYS);
    return new Barrier(createSegment(bare, BARRIER_TYPE, shape, rest), shape, action);
  }

  /** Attaches to a barrier that exists. Throws SystemError `ENOENT`, MismatchError, ForeignError, CorruptError. */
  static attach(name: string, options?: AttachOptions & BarrierOptions): Barrier {
    const bare = checkObjectName(name);
    const { action, rest } = splitAction(options, ATTACH_KEYS);
    const { segment, shape } = attachSegment(bare, BARRIER_TYPE, rest);
    return new Barrier(segment, shape, action);
  }

  /** Attaches if the name exists (the number of parties must agree), creates it otherwise; without a race. */
  static open(
    name: string,
    parties: number,
    options?: CreateOptions & AttachOptions & BarrierOptions,
  ): Barrier {
    const bare = checkObjectName(name);
    const wanted = checkParties(parties);
    const { action, rest } = splitAction(options, OPEN_KEYS);
    const compare = (found: BarrierShape): void => agreeOnBarrier(bare, found, wanted);
    const { segment, shape } = openSegment(bare, BARRIER_TYPE, rest, compare, () => wanted);
    return new Barrier(segment, shape, action);
  }

  /** How many have arrived in this round and wait; 0 when it is broken. */
  get waiting(): number {
    this.check();
    return this.#words.waiting;
  }

  /** True when it is broken; also when a party has died and nobody has noticed yet. */
  get broken(): boolean {
    this.check();
    return this.#words.broken;
  }

  /**
   * Resolves when all parties have called it, with the place in which this one came: 0 to `parties - 1`, each once in a
   * round. The event loop runs on; the process stays alive while waiting.
   *
   * Rejects with BrokenBarrierError; with TimeoutError, the signal's reason or ClosedError when this wait was given up,
   * which breaks the barrier for the others; with what the action threw.
   */
  async wait(wait?: WaitOptions): Promise<number> {
    this.check();
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    const deadline = deadlineAfter(timeout);
    this.#words.join(this);
    const arrival = await this.#lines.wait(this.#arriving(), timeout, signal, this.#incomplete());
    try {
      if (!this.#isLast(arrival)) {
        this.check(); // we may have been closed or aborted since we arrived
        signal?.throwIfAborted();
        const left = timeout === 0 ? 0 : Math.max(1, deadline - now());
        await this.#lines.wait(this.#passing(arrival), left, signal, this.#incomplete());
      } else if (this.#action !== undefined) {
        this.#words.acting.add(arrival.round);
        try {
          await this.#action();
        } finally {
          this.#words.acting.delete(arrival.round);
        }
        this.#pass(arrival);
      }
    } catch (error) {
      this.#gaveUp(arrival, error);
    } finally {
      this.#arrivals.delete(arrival);
    }
    return arrival.index;
  }

  /**
   * As {@link Barrier.wait}, but blocks this thread. The action must be synchronous.
   *
   * @throws BrokenBarrierError, TimeoutError; DeadlockError while an asynchronous action of this environment runs
   */
  waitSync(wait?: SyncWaitOptions): number {
    this.check();
    const timeout = checkSyncWait(wait);
    if (this.#words.acting.size > 0) {
      throw new DeadlockError(
        `'${this.name}': an asynchronous action of this very process or worker is running, which cannot end while this thread blocks; await wait()`,
      );
    }
    const deadline = deadlineAfter(timeout);
    this.#words.join(this);
    const arrival = blockSync(this.#arriving(), this.#spin, timeout, this.#incomplete());
    try {
      if (!this.#isLast(arrival)) {
        const left = timeout === 0 ? 0 : Math.max(0, deadline - now());
        blockSync(this.#passing(arrival), this.#spin, left, this.#incomplete());
      } else if (this.#action !== undefined) {
        if (this.#action() instanceof Promise)
          throw invalidType('the action', 'synchronous for waitSync()', this.#action);
        this.#pass(arrival);
      }
    } catch (error) {
      this.#gaveUp(arrival, error);
    } finally {
      this.#arrivals.delete(arrival);
    }
    return arrival.index;
  }

  /** Throws, unless the round has passed with this one. */
  #gaveUp({ round }: Arrival, error: unknown): void {
    // A closed handle has given up already, and has no memory to look at.
    if (this.closed || this.#words.giveUp(round) !== 'passed') throw error;
  }

  #arriving(): Blocking<Arrival> {
    return {
      attempt: () => {
        const arrival = this.#words.arrive(this.#action !== undefined);
        if (arrival === 'broken')
          throw this.#brokenError('is broken; call reset() once its parties are well');
        if (arrival === 'full') return PENDING;
        this.#arrivals.add(arrival); // now: the handle may be closed before the promise form goes on
        return arrival;
      },
      arm: () => this.#words.arm(undefined),
    };
  }

  #passing({ round }: Arrival): Blocking<true> {
    return {
      attempt: () => {
        const state = this.#words.look(round);
        if (state === 'open') return PENDING;
        if (state === 'passed') return true;
        throw this.#brokenError(
          state === 'reset'
            ? 'was reset while this one waited'
            : 'broke while this one waited: another party gave up or died, or somebody called abort()',
        );
      },
      arm: () => this.#words.arm(round),
    };
  }

  #isLast({ index }: Arrival): boolean {
    return index === this.parties - 1;
  }

  /** After the action. */
  #pass({ round }: Arrival): void {
    this.check();
    if (!this.#words.pass(round)) throw this.#brokenError('broke, or was reset, while the action ran');
  }

  /** Breaks the barrier: all who wait, and all who come until `reset()`, get a BrokenBarrierError. Does not block. */
  abort(): void {
    this.check();
    this.#words.break();
  }

  /**
   * Makes the barrier as new: whoever waits gets a BrokenBarrierError, dead parties are forgotten, the next round begins.
   * Does not block.
   */
  reset(): void {
    this.check();
    this.#words.reset();
  }

  /** Pending waits of this handle keep the process alive (the default). */
  ref(): this {
    this.#lines.keepsAlive = true;
    return this;
  }

  /** Pending waits of this handle do not keep the process alive. */
  unref(): this {
    this.#lines.keepsAlive = false;
    return this;
  }

  /** @internal */
  protected override facts(): Facts {
    return { parties: () => this.parties, waiting: () => this.waiting };
  }

  /** @internal Whoever waits gives up. */
  protected override onClose(): void {
    for (const { round } of this.#arrivals) this.#words.giveUp(round);
    this.#lines.failAll(() => closedError(this.name));
    this.#words.leave(this);
  }

  #brokenError(how: string): BrokenBarrierError {
    return new BrokenBarrierError(`'${this.name}' ${how}`);
  }

  #incomplete(): string {
    return `'${this.name}': not all parties arrived`;
  }
}
