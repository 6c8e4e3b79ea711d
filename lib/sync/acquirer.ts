/**
 * One handle's way to something that is taken and given back (a lock, a permit, a side of a read-write lock): the three
 * forms of acquiring it, and the guards that prove it.
 */

import { DeadlockError, damaged, invalidType } from '../errors.js';
import { closedError } from '../memory/shared-object.js';
import {
  checkFunction,
  checkSyncWait,
  checkWait,
  type SyncWaitOptions,
  type WaitOptions,
} from '../options.js';
import { type Blocking, ELSEWHERE, PENDING, type WaitPoint } from '../waiting/blocking.js';
import { timedOut } from '../waiting/clock.js';
import { Line, type LineOperation } from '../waiting/line.js';
import { AdaptiveSpin, SYNC_LOOKS } from '../waiting/spin.js';
import { blockSync } from '../waiting/sync.js';
import type { Lines, Readiness, Registry } from '../waiting/waitable.js';
import { Guard, type Hold } from './guard.js';

/** What is acquired: this environment's side of it, shared by all handles. */
export interface Acquirable {
  /** Where promise forms of this environment wait; told when something is given back here. */
  readonly lines: Lines;
  /** Whether it could be taken now, as far as memory alone says. Changes nothing. */
  readonly free: boolean;
  /** Takes it if memory alone says that it can be taken; whether the one who had it before died. */
  attempt(): boolean | typeof PENDING;
  /** The same for a Sync form: no promise form of this environment can get on before it ends. */
  attemptSync(): boolean | typeof PENDING;
  /** As attempt, asking the kernel about the living, and without leaving it to others. `sync`: for a Sync form, or try. */
  attemptOnce(sync: boolean): boolean | typeof PENDING;
  /** Before a Sync form: lets one who spins for it have its turn, if there is one and we had it last. */
  giveTurn?(): void;
  /** See Blocking.arm and LineOperation.arm. */
  armSync(): WaitPoint | typeof ELSEWHERE | undefined;
  arm(): WaitPoint | typeof ELSEWHERE | undefined;
  /** As arm, for one who waits until it is free without wanting to take it; where that differs. */
  armLooking?(): WaitPoint | typeof ELSEWHERE | undefined;
  /** A wait was given up: undoes what waiting announced, if that is more than a flag. Others that wait announce it anew. */
  giveUp?(): void;
  /** Gives one back; false if this environment has none. `abandoned`: what it protects may be half done. */
  release(abandoned: boolean): boolean;
  /** Where guards come several at a time: those that hold it. */
  readonly holds?: Set<Hold>;
  /** For a Condition: gives up all that a re-entrant holder has; returns what `resumed` needs to have it back. */
  suspend?(): Suspended;
  resumed?(suspended: Suspended): void;
  /** Why a Sync form would wait for this very environment, for ever; undefined if it would not. */
  readonly selfBlocking: string | undefined;
}

/** What a Condition gave up while it waits. */
export interface Suspended {
  /** Of this environment, whatever the handle. */
  readonly holds: readonly Hold[];
  /** See RecursiveLock.takenBySync. */
  readonly bySync: boolean;
}

/** When so many holds have been collected, those that were released are dropped. */
const LEAST_HOLDS = 16;

export class Acquirer {
  readonly #what: Acquirable;
  readonly #path: string;
  readonly #notFree: string;
  readonly #spin = new AdaptiveSpin(SYNC_LOOKS.least, SYNC_LOOKS.most);
  readonly #line = new Line();
  /** Of the guards that came from this handle: the last one, and others, some of which were released. */
  #lastHold: Hold | undefined;
  #holds: Hold[] = [];
  #mostHolds = LEAST_HOLDS;
  #closed = false;
  /** The last guard, until the next turn of the event loop: if it is still held then, it may have been forgotten. */
  #latest: Guard | undefined;
  #looking = false;
  readonly #lookAtLatest = (): void => {
    this.#looking = false;
    Guard.watch(this.#latest!);
    this.#latest = undefined;
  };
  readonly #release = (): boolean => this.#what.release(false);
  readonly #blocking: Blocking<boolean> = {
    attempt: () => this.#what.attemptSync(),
    arm: () => {
      const point = this.#what.armSync();
      if (point !== ELSEWHERE) return point;
      // It was not ours when this thread began to block: somebody else wrote that it is.
      throw damaged(this.#path, 'it names a waiter as its holder');
    },
  };
  readonly #acquiring: LineOperation<Guard> = {
    attempt: () => this.guard(this.#what.attempt()) ?? PENDING,
    arm: () => this.#what.arm(),
  };

  /** `notFree` ends the message of a timeout: "the lock was not free". */
  constructor(what: Acquirable, path: string, notFree: string) {
    this.#what = what;
    this.#path = path;
    this.#notFree = `'${path}': ${notFree}`;
    what.lines.add(this.#line);
  }

  tryAcquire(): Guard | undefined {
    this.#line.advance();
    return this.#line.idle ? this.guard(this.#what.attemptOnce(true)) : undefined;
  }

  acquireSync(wait: SyncWaitOptions | undefined): Guard {
    const timeout = checkSyncWait(wait);
    this.#refuseSelfBlocking(); // before anything is announced
    if (timeout === 0) return this.#acquireNow(true);
    this.#what.giveTurn?.();
    return this.guard(this.#what.attemptSync()) ?? this.guard(this.#blockSync(timeout))!;
  }

  /** A timeout of 0: tries once, and asks the kernel about whoever has it. */
  #acquireNow(sync: boolean): Guard {
    const guard = this.guard(this.#what.attemptOnce(sync));
    if (guard === undefined) throw timedOut(this.#notFree, 0);
    return guard;
  }

  #refuseSelfBlocking(): void {
    const why = this.#what.selfBlocking;
    if (why === undefined) return;
    throw new DeadlockError(
      `'${this.#path}' ${why}: a Sync form would wait for itself; release the guard first, or await acquire()`,
    );
  }

  #blockSync(timeout: number): boolean {
    try {
      return blockSync(this.#blocking, this.#spin, timeout, this.#notFree);
    } catch (error) {
      this.#what.giveUp?.();
      throw error;
    }
  }

  async acquire(wait: WaitOptions | undefined): Promise<Guard> {
    const { timeout, signal } = checkWait(wait);
    signal?.throwIfAborted();
    if (this.#line.idle) {
      if (timeout === 0) return this.#acquireNow(false);
      const guard = this.guard(this.#what.attempt());
      if (guard !== undefined) return guard;
    }
    if (this.#what.giveUp === undefined)
      return this.#line.wait(this.#acquiring, timeout, signal, this.#notFree);
    try {
      return await this.#line.wait(this.#acquiring, timeout, signal, this.#notFree);
    } catch (error) {
      if (this.#line.idle && !this.#closed) this.#what.giveUp();
      throw error;
    }
  }

  runSync<R>(fn: (guard: Guard) => R, wait: SyncWaitOptions | undefined): R {
    checkFunction('fn', fn);
    return runSyncWith(this.acquireSync(wait), fn);
  }

  async run<R>(fn: (guard: Guard) => R | PromiseLike<R>, wait: WaitOptions | undefined): Promise<R> {
    checkFunction('fn', fn);
    const guard = await this.acquire(wait);
    try {
      return await fn(guard);
    } finally {
      guard[Symbol.dispose]();
    }
  }

  /** Whether pending promise forms keep the process alive. */
  set keepsAlive(value: boolean) {
    this.#line.keepsAlive = value;
  }

  /** For a wait until it could be taken. `check` throws, and `closing` is told, when the handle is closed. */
  readiness(check: () => void, closing: Registry): Readiness {
    check();
    const what = this.#what;
    return {
      keepsAlive: this.#line.keepsAlive,
      ready: () => {
        check();
        return what.free;
      },
      arm: () => (what.armLooking === undefined ? what.arm() : what.armLooking()),
      blockedHere: what.selfBlocking !== undefined, // nothing here changes while a Sync form blocks
      told: [closing, what.lines],
    };
  }

  /** Ends pending waits; what is still held is given up as abandoned: whatever it protects was not finished. */
  close(): void {
    this.#closed = true;
    this.#what.lines.delete(this.#line);
    this.#line.failAll(() => closedError(this.#path));
    this.#what.giveUp?.();
    if (this.#lastHold !== undefined) this.#holds.push(this.#lastHold);
    for (const hold of this.#holds) {
      if (hold.state === 'held') this.#what.release(true);
      if (hold.state !== 'released') hold.state = 'lost';
    }
    this.#holds = [];
    this.#lastHold = undefined;
  }

  /** A guard for what has just been taken. */
  guard(abandoned: boolean | typeof PENDING): Guard | undefined {
    if (abandoned === PENDING) return undefined;
    const hold: Hold = {
      of: this,
      what: this.#what,
      path: this.#path,
      state: 'held',
      abandoned,
      watched: false,
      release: this.#release,
    };
    this.#what.holds?.add(hold);
    if (this.#lastHold !== undefined && this.#lastHold.state !== 'released') this.#keep(this.#lastHold);
    this.#lastHold = hold;
    this.#latest = new Guard(hold);
    if (!this.#looking) {
      this.#looking = true;
      setImmediate(this.#lookAtLatest).unref();
    }
    return this.#latest;
  }

  /** Several guards of this handle are held at a time. */
  #keep(hold: Hold): void {
    this.#holds.push(hold);
    if (this.#holds.length <= this.#mostHolds) return;
    this.#holds = this.#holds.filter(({ state }) => state !== 'released');
    this.#mostHolds = Math.max(LEAST_HOLDS, 2 * this.#holds.length);
  }

  // ---- for a Condition, which gives the lock up while it waits

  /** What a guard must hold to be one of this. */
  get what(): Acquirable {
    return this.#what;
  }

  /** Gives up what the hold has, to take it back later; returns what that needs. */
  suspend(hold: Hold): Suspended {
    if (this.#what.suspend !== undefined) return this.#what.suspend();
    hold.state = 'suspended';
    this.#what.release(false);
    return { holds: [hold], bySync: false };
  }

  /** Takes it back, blocking this thread for as long as that takes. Throws CorruptError if it would be for ever. */
  resumeSync(hold: Hold, suspended: Suspended): void {
    try {
      this.#resumed(hold, suspended, this.#blockSync(Number.POSITIVE_INFINITY));
    } catch (error) {
      lose(suspended);
      throw error;
    }
  }

  /** Takes it back, for as long as that takes. Rejects with ClosedError when the handle is closed. */
  async resume(hold: Hold, suspended: Suspended): Promise<void> {
    const resuming: LineOperation<true> = {
      attempt: () => {
        const abandoned = this.#what.attempt();
        if (abandoned === PENDING) return PENDING;
        this.#resumed(hold, suspended, abandoned); // now: the handle may be closed before the promise goes on
        return true;
      },
      arm: () => this.#what.arm(),
    };
    try {
      if (this.#closed) throw closedError(this.#path);
      if (this.#line.idle && resuming.attempt() === true) return;
      await this.#line.wait(resuming, Number.POSITIVE_INFINITY, undefined, this.#notFree);
    } catch (error) {
      lose(suspended);
      throw error;
    }
  }

  #resumed(hold: Hold, suspended: Suspended, abandoned: boolean): void {
    for (const one of suspended.holds) if (one.state === 'suspended') one.state = 'held';
    this.#what.resumed?.(suspended);
    hold.abandoned = abandoned;
  }
}

/** What was suspended is not taken back. */
function lose({ holds }: Suspended): void {
  for (const one of holds) if (one.state === 'suspended') one.state = 'lost';
}

/** Runs `fn` while the guard holds, and releases it. */
export function runSyncWith<R>(guard: Guard, fn: (guard: Guard) => R): R {
  try {
    const result = fn(guard);
    if (result instanceof Promise) {
      throw invalidType(
        'the result of fn',
        'a value, not a promise (the lock is released when fn returns; use withLock or withPermit for asynchronous work)',
        result,
      );
    }
    return result;
  } finally {
    guard[Symbol.dispose]();
  }
}
