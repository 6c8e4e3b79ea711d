/**
 * What a map and a list stand on: one robust lock for those who change something, an undo log that makes each change whole
 * or nothing, sequences for those who read without the lock, and a heap.
 *
 * Who dies with the lock leaves an undo log; whoever gets the lock next puts everything back before anything else. A change
 * is made by one store (`commit`); what comes after it (telling readers and waiters) is repeated by the next one.
 */

import { DeadlockError, TimeoutError } from '../errors.js';
import type { Segment } from '../memory/segment.js';
import { isSystemError, withSystemErrors } from '../memory/system-errors.js';
import { type RobustLock, robustLockOf } from '../sync/robust-lock.js';
import { type Blocking, ELSEWHERE } from '../waiting/blocking.js';
import { SleepWord } from '../waiting/sleep-word.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import { Heap } from './heap.js';
import { Sequences } from './sequences.js';
import { STORE, type StorePlan } from './store-layout.js';
import { UndoLog } from './undo-log.js';
import { runsOnThisStack, runUnderTheLockOfIsthmus } from './users-code.js';

/** So often readers look before they take the lock: a change is visible as such for a microsecond, mostly. */
export const MOST_LOOKS = 100;

/** In place of a timeout, for who reads: the lock is held already. */
export const HELD = -1;

export class Store {
  readonly path: string;
  readonly segment: Segment;
  readonly words: Int32Array;
  /** The payload, three times. */
  readonly memory: Int32Array;
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly plan: StorePlan;
  readonly log: UndoLog;
  readonly heap: Heap;
  readonly sequences: Sequences;
  readonly changed: SleepWord;
  /** Called with the lock held when what the last holder did is unknown: it died. */
  repaired: () => void = () => undefined;
  readonly #lock: RobustLock;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #entering: Blocking<boolean>;
  /** True while this thread has the lock, or is about to get it or to give it back. */
  #inside = false;
  /** False for who tries only once: a lock that is free must not be refused for the sake of others. */
  #polite = true;
  #handles = 0;
  /** True while it is to be looked at, when this script has ended, whether the user's code was broken off. */
  #watched = false;

  constructor(segment: Segment, plan: StorePlan, sequences: number) {
    const { words, path, payload } = segment;
    this.path = path;
    this.segment = segment;
    this.words = words;
    this.plan = plan;
    this.memory = new Int32Array(payload);
    this.bytes = Buffer.from(payload);
    this.view = new DataView(payload);
    const reserve = (offset: number, bytes: number) => this.#reserve(offset, bytes);
    this.log = new UndoLog(path, words, this.memory, plan.log / 4, plan.heap / 4, reserve);
    this.heap = new Heap(path, this.memory, this.log, plan.heap / 4, reserve);
    this.sequences = new Sequences(words, sequences);
    this.changed = new SleepWord(words, STORE.CHANGED);
    this.#lock = robustLockOf(segment, STORE.LOCK);
    this.#entering = {
      // Leaving it to others now and then: with long transactions one who always comes back at once would starve them.
      attempt: () => (this.#polite ? this.#lock.attemptSync() : this.#lock.seize()),
      arm: () => {
        const point = this.#lock.armSync();
        if (point === ELSEWHERE)
          throw this.heap.corrupt('its lock word names this process, which does not hold it');
        return point;
      },
    };
  }

  #reserve(offset: number, bytes: number): void {
    withSystemErrors(this.path, () => this.segment.reserve(offset, bytes), bytes);
  }

  /**
   * Runs `work` with the lock. Blocks while others have it: for microseconds, unless one of them runs its user's code or
   * is stopped.
   *
   * @param timeout ms to wait for the lock; then TimeoutError
   */
  locked<R>(timeout: number, work: () => R): R {
    this.#enter(timeout);
    let sound = false;
    try {
      const result = work();
      sound = true;
      return result;
    } catch (error) {
      sound = !this.log.dirty; // a change that was refused has been put back
      throw error;
    } finally {
      // Unless the user's code closed the last handle: then it is given back, and unmapped.
      if (this.#inside) {
        this.#lock.release(!sound);
        this.#inside = false; // not before: it may be broken off in between
      }
    }
  }

  /** True while this thread runs the user's code with the lock. */
  get heldHere(): boolean {
    return this.#inside && runsOnThisStack();
  }

  #enter(timeout: number): void {
    if (this.#inside) {
      if (runsOnThisStack()) {
        throw new DeadlockError(
          `'${this.path}' is being changed by the function that called this; use what that function was given, or change it afterwards`,
        );
      }
      this.recover();
    }
    this.#watch();
    this.#polite = timeout > 0;
    this.#inside = true;
    try {
      const abandoned = blockSync(
        this.#entering,
        this.#spin,
        timeout,
        `'${this.path}': another one changes it`,
      );
      this.sequences.forget();
      if (abandoned) this.#repair();
    } catch (error) {
      this.recover();
      throw error;
    }
  }

  /**
   * Nothing that runs with the lock is left before its end, unless the script is broken off, by the timeout of `vm` or
   * Ctrl-C in the REPL, which skip every `finally`. What was left behind is then mended as after a death.
   */
  recover(): void {
    if (!this.#inside) return;
    if (this.#lock.heldHere) this.#lock.release(true);
    this.#inside = false;
  }

  /** There is a handle more. */
  retain(): void {
    this.#handles++;
  }

  /** A handle is closed. The last one gives the lock back, also if it was closed by the user's code that runs with it. */
  leave(): void {
    if (--this.#handles === 0 || !this.heldHere) this.recover();
  }

  /** Runs the user's code, with the lock held. */
  runUsers<R>(work: () => R): R {
    return runUnderTheLockOfIsthmus(work);
  }

  /** If this thread is broken off with the lock, others need not wait until it comes back to this object. */
  #watch(): void {
    if (this.#watched) return;
    this.#watched = true;
    queueMicrotask(this.#afterwards);
  }

  readonly #afterwards = (): void => {
    this.#watched = false;
    if (!this.#inside || runsOnThisStack()) return;
    try {
      this.recover();
    } catch {
      // unmapped meanwhile: whoever is left finds the lock of one who has left
    }
  };

  /**
   * For those who only listen: if who had the lock is dead, what it left is mended now, so that its change is told also if
   * nobody ever makes another one.
   */
  mend(): void {
    if (!this.#lock.abandoned) return;
    try {
      this.locked(0, () => undefined);
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error; // somebody else is at it
    }
  }

  /** What the last holder left half done is put back. */
  #repair(): void {
    try {
      if (this.log.dirty) this.log.rollback();
    } finally {
      this.sequences.closeAll(); // a change that was not made may have begun to show
    }
    this.repaired();
    this.changed.changed();
  }

  /**
   * Makes one change, with the lock held: all of what `work` does, or nothing if it throws. It notes what it changes in the
   * log, and opens the sequences of what readers see.
   */
  change<R>(work: () => R): R {
    try {
      const result = work();
      this.log.commit();
      this.sequences.close();
      return result;
    } catch (error) {
      this.undo();
      throw error;
    }
  }

  /** Puts back what has been done of a change that is not to be. */
  undo(): void {
    try {
      this.log.rollback();
    } finally {
      this.sequences.close(); // also if the log is damaged: readers would take the lock for ever
    }
  }

  /** True while somebody makes a change, or has died in one: what is read may yet be undone. */
  get changing(): boolean {
    return Atomics.load(this.words, STORE.LOG_LENGTH) !== 0; // pairs with UndoLog.save and commit
  }

  /** Says that a change was made. */
  tell(): void {
    this.changed.changed();
  }

  /** The error for a heap that has no room: the system's, if that is why. */
  get spaceError(): unknown {
    const { refusal } = this.heap;
    return isSystemError(refusal, 'ENOSPC') ? refusal : undefined;
  }
}
